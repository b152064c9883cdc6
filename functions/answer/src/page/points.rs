//! Points as they are shown: so that what stands in the rows visibly sums to what stands above them.

/// Points: to one decimal, and none where it would be 0. What is taken has a true minus sign.
pub(crate) fn number(points: f64) -> String {
    tenths(to_tenths(points), to_tenths(points) % 10 != 0)
}

/// Shows parts of a total so that what is shown visibly sums to [`number`]`(total)`: each part is rounded down to a
/// tenth, and the tenths then missing go to the parts with the largest remainders. All have a decimal, or none.
///
/// The parts must sum to the total; else the difference stays visible.
pub(crate) fn shares(parts: &[f64], total: f64) -> Vec<String> {
    let shares = shared_tenths(parts, to_tenths(total));
    let decimal = shares.iter().any(|share| share % 10 != 0);
    shares.into_iter().map(|share| tenths(share, decimal)).collect()
}

/// The shares of [`shares`] as whole numbers of tenths, for those who go on to share out a share. `total` is in tenths.
pub(crate) fn shared_tenths(parts: &[f64], total: i64) -> Vec<i64> {
    let mut shares: Vec<i64> = parts.iter().map(|part| floor_tenths(*part)).collect();
    let missing = usize::try_from(total.saturating_sub(shares.iter().sum())).unwrap_or(0);
    let remainder = |index: usize, share: i64| parts.get(index).map_or(0.0, |part| part * 10.0 - share as f64);
    let mut order: Vec<(usize, f64)> =
        shares.iter().enumerate().map(|(index, share)| (index, remainder(index, *share))).collect();
    order.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    for (index, _) in order.into_iter().take(missing) {
        if let Some(share) = shares.get_mut(index) {
            *share += 1;
        }
    }
    shares
}

/// Points in whole tenths, rounded.
pub(crate) fn to_tenths(points: f64) -> i64 {
    (points * 10.0).round() as i64
}

/// Rounded down, but not below a tenth that only the last bits of a sum miss.
fn floor_tenths(points: f64) -> i64 {
    let rounded = (points * 10.0).round();
    if (points * 10.0 - rounded).abs() < 1e-9 { rounded as i64 } else { (points * 10.0).floor() as i64 }
}

/// A number of tenths, with its decimal or without.
pub(crate) fn tenths(tenths: i64, decimal: bool) -> String {
    let sign = if tenths < 0 { "\u{2212}" } else { "" };
    let (whole, rest) = (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10);
    if decimal { format!("{sign}{whole}.{rest}") } else { format!("{sign}{whole}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_have_a_decimal_only_where_it_says_something() {
        for (points, shown) in
            [(0.0, "0"), (-0.04, "0"), (20.0, "20"), (19.96, "20"), (4.75, "4.8"), (-10.0, "−10"), (-0.25, "−0.3")]
        {
            assert_eq!(number(points), shown, "{points}");
        }
    }

    #[test]
    fn what_is_shown_sums_to_the_total_shown() {
        let check = |parts: &[f64], wanted: &[&str]| {
            assert_eq!(shares(parts, parts.iter().sum()), wanted, "{parts:?}");
        };
        check(&[], &[]);
        check(&[50.0, 20.0], &["50", "20"]);
        check(&[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0], &["0.4", "0.3", "0.3"]);
        check(&[0.04, 0.04, 0.04], &["0.1", "0.0", "0.0"]);
        check(&[20.0, -9.95, 4.25], &["20.0", "−9.9", "4.2"]);
        check(&[0.1 + 0.2, 0.7], &["0.3", "0.7"]);

        let parts: Vec<f64> = (0..10_000).map(|n| f64::from(n % 97) / 31.0 - 1.0).collect();
        let total = parts.iter().sum::<f64>();
        let shares = shared_tenths(&parts, to_tenths(total));
        assert_eq!(shares.iter().sum::<i64>(), to_tenths(total));
        assert!(parts.iter().zip(&shares).all(|(part, share)| (part * 10.0 - *share as f64).abs() < 1.0 + 1e-9));
    }
}

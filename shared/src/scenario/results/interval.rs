//! How far a share can be trusted.

/// The 95 % quantile of the normal distribution, both sides.
const Z: f64 = 1.959_964;

/// The interval in which the true share of `some` among `of` lies with 95 % confidence; none: there is nothing to divide by.
/// It is Wilson's score interval, which holds for small numbers and for shares near 0 and 1, too.
///
/// Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal of the American
/// Statistical Association 22 (1927), pages 209–212.
#[must_use]
pub fn wilson(some: u64, of: u64) -> Option<(f64, f64)> {
    if of == 0 || some > of {
        return None;
    }
    #[allow(clippy::cast_precision_loss, reason = "there are fewer leads than 2^52")]
    let (share, n) = (some as f64 / of as f64, of as f64);
    let scale = 1.0 + Z * Z / n;
    let middle = (share + Z * Z / (2.0 * n)) / scale;
    let half = Z / scale * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some(((middle - half).max(0.0), (middle + half).min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::wilson;

    /// In per mille, rounded. The values are those of R's `prop.test(…, correct = FALSE)`.
    #[track_caller]
    fn check(some: u64, of: u64, wanted: (i64, i64)) {
        let round = |share: f64| (share * 1000.0).round() as i64;
        assert_eq!(wilson(some, of).map(|(low, high)| (round(low), round(high))), Some(wanted), "{some} of {of}");
    }

    #[test]
    fn the_interval_is_wilsons() {
        check(0, 10, (0, 278));
        check(10, 10, (722, 1000));
        check(1, 2, (95, 905));
        check(5, 10, (237, 763));
        check(15, 148, (62, 160));
        check(500, 1000, (469, 531));
        assert_eq!((wilson(0, 0), wilson(2, 1)), (None, None));
    }
}

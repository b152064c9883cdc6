//! Days on which nobody works: those the playbook names, and a country's public holidays.

use jiff::civil::{Date, Weekday};

use super::{NationalHolidays, Setup};

impl Setup {
    /// Whether nobody works on this day, whatever day of the week it is.
    #[must_use]
    pub fn is_holiday(&self, date: Date) -> bool {
        self.holidays.contains(&date) || self.national_holidays.is_some_and(|country| country.is_holiday(date))
    }
}

impl NationalHolidays {
    /// Whether the law as it is now makes this day a public holiday. Days moved for one year alone stand in `holidays`.
    #[must_use]
    pub fn is_holiday(self, date: Date) -> bool {
        match self {
            Self::Japan => is_named(date) || is_substitute(date) || is_between(date),
        }
    }
}

/// The days that Japan's Public Holiday Law (国民の祝日に関する法律, law 178 of 1948) names, as amended up to 2022.
fn is_named(date: Date) -> bool {
    let nth_monday = |nth: i8| date.weekday() == Weekday::Monday && (date.day() - 1) / 7 + 1 == nth;
    match (date.month(), date.day()) {
        (1, 1) | (2, 11 | 23) | (4, 29) | (5, 3..=5) | (8, 11) | (11, 3 | 23) => true,
        (1 | 10, _) => nth_monday(2),
        (7, _) => nth_monday(3),
        (3, day) => day == equinox(20.8431, date.year()),
        (9, day) => nth_monday(3) || day == equinox(23.2488, date.year()),
        _ => false,
    }
}

/// The day of the month of an equinox in Japan, from 1980 to 2099, by the formula of 新こよみ便利帳 (暦計算研究会編, 1991).
/// The government names the day in February of the year before; the formula has agreed each year.
fn equinox(first: f64, year: i16) -> i8 {
    let years = f64::from(year - 1980);
    (first + 0.242_194 * years - (years / 4.0).floor()).floor() as i8
}

/// Article 3 (2): a holiday that falls on a Sunday gives the next day that is none.
fn is_substitute(date: Date) -> bool {
    let mut before = std::iter::successors(date.yesterday().ok(), |day| day.yesterday().ok()).take_while(|day| is_named(*day));
    !is_named(date) && before.any(|day| day.weekday() == Weekday::Sunday)
}

/// Article 3 (3): a day between two holidays is one.
fn is_between(date: Date) -> bool {
    let is_named = |day: Result<Date, jiff::Error>| day.is_ok_and(is_named);
    is_named(date.yesterday()) && is_named(date.tomorrow())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the Cabinet Office has published them: <https://www8.cao.go.jp/chosei/shukujitsu/syukujitsu.csv>.
    const PUBLISHED: [(i16, &str); 4] = [
        (2024, "1/1 1/8 2/11 2/12 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/15 8/11 8/12 9/16 9/22 9/23 10/14 11/3 11/4 11/23"),
        (2025, "1/1 1/13 2/11 2/23 2/24 3/20 4/29 5/3 5/4 5/5 5/6 7/21 8/11 9/15 9/23 10/13 11/3 11/23 11/24"),
        (2026, "1/1 1/12 2/11 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/20 8/11 9/21 9/22 9/23 10/12 11/3 11/23"),
        (2027, "1/1 1/11 2/11 2/23 3/21 3/22 4/29 5/3 5/4 5/5 7/19 8/11 9/20 9/23 10/11 11/3 11/23"),
    ];

    #[test]
    fn japans_holidays_are_those_that_the_cabinet_office_publishes() {
        for (year, published) in PUBLISHED {
            let days = std::iter::successors(Date::new(year, 1, 1).ok(), |day| day.tomorrow().ok());
            let days = days.take_while(|day| day.year() == year).filter(|day| NationalHolidays::Japan.is_holiday(*day));
            let days: Vec<String> = days.map(|day| format!("{}/{}", day.month(), day.day())).collect();
            assert_eq!(days.join(" "), published, "{year}");
        }
    }

    #[test]
    fn equinoxes_are_those_of_the_almanac() {
        // The National Astronomical Observatory's tables: https://eco.mtk.nao.ac.jp/koyomi/faq/holiday.html
        for (year, days) in [(2000, (20, 23)), (2012, (20, 22)), (2023, (21, 23)), (2028, (20, 22)), (2030, (20, 23))] {
            assert_eq!((equinox(20.8431, year), equinox(23.2488, year)), days, "{year}");
        }
    }
}

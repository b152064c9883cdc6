//! Bills: quantities times prices.

use std::collections::BTreeMap;

use serde_json::Value;

use super::count::Taken;
use crate::harness::columns;

/// The regions that are priced.
pub(super) const REGIONS: [&str; 2] = ["us-east-1", "ap-northeast-1"];

/// The price table.
pub(super) struct Prices {
    pub(super) as_of: String,
    dollars: BTreeMap<(String, String), f64>,
}

/// What is paid for one thing.
pub(super) struct Bill {
    pub(super) title: String,
    /// What, how much of it, and the name of its price.
    entries: Vec<(String, f64, &'static str)>,
}

impl Prices {
    pub(super) fn read() -> Self {
        let table: Value = serde_json::from_str(include_str!("prices.json")).unwrap();
        let mut dollars = BTreeMap::new();
        for region in REGIONS {
            for (name, price) in table["regions"][region].as_object().unwrap() {
                let each = price["usd"].as_f64().unwrap() / price["per"].as_f64().unwrap();
                dollars.insert((region.to_owned(), name.clone()), each);
            }
        }
        Self { as_of: table["as_of"].as_str().unwrap().to_owned(), dollars }
    }

    fn of(&self, region: &str, name: &str) -> f64 {
        *self.dollars.get(&(region.to_owned(), name.to_owned())).unwrap_or_else(|| panic!("no price {name} in {region}"))
    }
}

impl Bill {
    pub(super) fn new(title: &str) -> Self {
        Self { title: title.to_owned(), entries: Vec::new() }
    }

    /// What was taken, so many times, by functions with so much memory.
    pub(super) fn of(title: &str, taken: &Taken, factor: f64, memory_gb: f64) -> Self {
        let units = taken.total();
        let each = [
            ("HTTP requests", taken.requests as f64, "http_api_request"),
            ("runs", taken.runs.values().sum::<u64>() as f64, "lambda_request"),
            ("GB seconds", taken.millis as f64 / 1e3 * memory_gb, "lambda_arm64_gb_second"),
            ("read units", units.read, "dynamodb_read_unit"),
            ("write units", units.write, "dynamodb_write_unit"),
            ("entries on the bus", taken.entries as f64, "eventbridge_custom_event"),
            ("mails", taken.mails as f64, "ses_mail"),
            ("GB of logs", taken.log_bytes as f64 / 1e9, "cloudwatch_logs_gb"),
            ("GB out", taken.bytes_out as f64 / 1e9, "data_out_gb"),
        ];
        let entries = each.into_iter().filter(|(_, amount, _)| *amount > 0.0);
        let entries = entries.map(|(what, amount, price)| (what.to_owned(), amount * factor, price)).collect();
        Self { title: title.to_owned(), entries }
    }

    pub(super) fn add(&mut self, what: &str, amount: f64, price: &'static str) {
        self.entries.push((what.to_owned(), amount, price));
    }

    #[must_use]
    pub(super) fn with(mut self, what: &str, amount: f64, price: &'static str) -> Self {
        self.add(what, amount, price);
        self
    }

    /// Dollars in a region.
    pub(super) fn total(&self, prices: &Prices, region: &str) -> f64 {
        self.entries.iter().map(|(_, amount, price)| amount * prices.of(region, price)).sum()
    }

    pub(super) fn lines(&self, prices: &Prices) -> String {
        let dollars = |of: &dyn Fn(&str) -> f64| REGIONS.map(|region| format!("{:.4}", of(region)));
        let mut rows: Vec<[String; 4]> = Vec::new();
        for (what, amount, price) in &self.entries {
            let [here, there] = dollars(&|region| amount * prices.of(region, price));
            rows.push([what.clone(), quantity(*amount), here, there]);
        }
        let [here, there] = dollars(&|region| self.total(prices, region));
        rows.push(["together".to_owned(), String::new(), here, there]);
        columns(["", "quantity", REGIONS[0], REGIONS[1]], &rows)
    }
}

/// Large amounts whole, small ones with what matters of them.
fn quantity(amount: f64) -> String {
    if amount >= 100.0 { format!("{amount:.0}") } else { format!("{amount:.4}") }
}

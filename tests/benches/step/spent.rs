//! What was spent: calls and units by the suite's own record, time by the kernel's clocks.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use michi_local::{Suite, Sum, Units};

/// What calls of one operation came to.
pub(crate) type Sums = BTreeMap<String, Sum>;

/// The calls of a function so far, by operation; of none: those of commands and of the bench itself.
pub(crate) fn sums(suite: &Suite, function: Option<&str>) -> Sums {
    let sums = suite.client().record().sums().into_iter();
    sums.filter(|((by, _), _)| by.as_deref() == function).map(|((_, operation), sum)| (operation, sum)).collect()
}

/// What came between.
pub(crate) fn since(before: &Sums, after: Sums) -> Sums {
    let none = Sum::default();
    let less = |operation: &str, sum: Sum| {
        let earlier = before.get(operation).unwrap_or(&none);
        let units = sum.units.into_iter().map(|(table, units)| {
            let known = earlier.units.get(&table).copied().unwrap_or_default();
            (table, Units { read: units.read - known.read, write: units.write - known.write })
        });
        Sum { calls: sum.calls - earlier.calls, units: units.collect() }
    };
    after.into_iter().map(|(operation, sum)| (operation.clone(), less(&operation, sum))).collect()
}

/// A line for each operation, one for all, and one for the units of each table and index, in shares of so many.
pub(crate) fn shares(sums: &Sums, of: usize) -> String {
    let share = |amount: f64| amount / of as f64;
    let line = |name: &str, calls: f64, units: Units| {
        let (calls, read, write) = (share(calls), share(units.read), share(units.write));
        format!("  {name:20} {calls:7.3} calls {read:8.3} read {write:8.3} write units\n")
    };
    let total = |sum: &Sum| sum.units.values().copied().sum::<Units>();
    let mut text = String::new();
    for (operation, sum) in sums.iter().filter(|(_, sum)| sum.calls > 0) {
        text += &line(operation, sum.calls as f64, total(sum));
    }
    text += &line("all", sums.values().map(|sum| sum.calls as f64).sum(), sums.values().map(total).sum());
    let mut tables: BTreeMap<&str, Units> = BTreeMap::new();
    for (table, units) in sums.values().flat_map(|sum| &sum.units) {
        let known = tables.entry(table).or_default();
        *known = [*known, *units].into_iter().sum();
    }
    for (table, Units { read, write }) in tables {
        text += &format!("    of {table:29} {:8.3} read {:8.3} write units\n", share(read), share(write));
    }
    text
}

/// Time, from here on.
pub(crate) struct Watch {
    began: Instant,
    main: Duration,
    all: Duration,
}

/// Time spent.
pub(crate) struct Spent {
    /// By the clock.
    pub(crate) wall: Duration,
    /// Of the processor, by the thread that all handlers and commands share.
    pub(crate) main: Duration,
    /// The same by all other threads: the engine behind the tables, and `simulate`'s.
    pub(crate) others: Duration,
}

impl Watch {
    pub(crate) fn start() -> Self {
        Self { began: Instant::now(), main: of_main(), all: of_all() }
    }

    pub(crate) fn stop(&self) -> Spent {
        let (main, all) = (of_main() - self.main, of_all() - self.all);
        Spent { wall: self.began.elapsed(), main, others: all.saturating_sub(main) }
    }
}

/// Nanoseconds of the first thread, which is the one the runtime runs on.
fn of_main() -> Duration {
    let id = std::process::id();
    let spent = std::fs::read_to_string(format!("/proc/self/task/{id}/schedstat")).unwrap();
    Duration::from_nanos(spent.split(' ').next().unwrap().parse().unwrap())
}

/// Of all threads, those that have ended too. The kernel counts it in hundredths of a second.
fn of_all() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The name, in brackets, may hold anything.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = [11, 12].map(|field: usize| fields[field].parse::<u64>().unwrap()).iter().sum();
    Duration::from_millis(ticks * 10)
}

/// How busy the machine is, with whatever.
pub(crate) struct Load(String);

impl Load {
    pub(crate) fn now() -> Self {
        Self(std::fs::read_to_string("/proc/loadavg").unwrap())
    }
}

impl fmt::Display for Load {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let averages: Vec<&str> = self.0.split(' ').take(3).collect();
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        write!(formatter, "load average {} on {processors} processors", averages.join(" "))
    }
}

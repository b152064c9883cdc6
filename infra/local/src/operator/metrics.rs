//! CloudWatch: how often functions ran and failed, and when the table of activities was last written to.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::header;
use jiff::Timestamp;

use super::lambda;
use crate::client::Refusal;
use crate::functions::Run;
use crate::{Cause, Pace, Suite};

/// `GetMetricData` in CloudWatch's oldest protocol: a form in, XML out.
pub(super) fn answer(suite: &Suite, form: &[u8]) -> Result<Response, Refusal> {
    let form: BTreeMap<String, String> = form_urlencoded::parse(form).into_owned().collect();
    if form.get("Action").map(String::as_str) != Some("GetMetricData") {
        return Err(Refusal::new(400, "InvalidAction", "the local suite answers GetMetricData only"));
    }
    let text = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let instant = |name: &str| {
        let wrong = || Refusal::new(400, "ValidationError", format!("{name} is no instant"));
        text(name).parse::<Timestamp>().map_err(|_| wrong())
    };
    let (start, end) = (instant("StartTime")?, instant("EndTime")?);
    let mut results = String::new();
    for number in 1.. {
        let part = |name: &str| text(&format!("MetricDataQueries.member.{number}.{name}"));
        let id = part("Id");
        if id.is_empty() {
            break;
        }
        let period = part("MetricStat.Period").parse().unwrap_or(60_i64).max(1);
        let about = part("MetricStat.Metric.Dimensions.member.1.Value");
        let mut values: BTreeMap<i64, f64> = BTreeMap::new();
        let mut count = |at: Timestamp, by: f64| {
            if (start..end).contains(&at) {
                *values.entry(at.as_second().div_euclid(period) * period).or_default() += by;
            }
        };
        match (part("MetricStat.Metric.Namespace"), part("MetricStat.Metric.MetricName")) {
            ("AWS/Lambda", metric @ ("Invocations" | "Errors")) => {
                for run in runs(suite, about, start, end) {
                    count(run.at, if metric == "Invocations" || run.error.is_some() { 1.0 } else { 0.0 });
                }
            }
            ("AWS/DynamoDB", "ConsumedWriteCapacityUnits") if about == suite.own().settings.activities_table => {
                suite.observed().origins.values().filter_map(|beacon| beacon.last).for_each(|at| count(at, 1.0));
            }
            _ => {}
        }
        let member = |text: String| format!("<member>{text}</member>");
        let times: String = values
            .keys()
            .rev()
            .filter_map(|second| Timestamp::from_second(*second).ok())
            .map(|at| member(at.to_string()))
            .collect();
        let values: String = values.values().rev().map(|value| member(value.to_string())).collect();
        results += &member(format!("<Id>{id}</Id><Timestamps>{times}</Timestamps><Values>{values}</Values>"));
    }
    let body = format!(
        "<GetMetricDataResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><GetMetricDataResult>\
         <MetricDataResults>{results}</MetricDataResults></GetMetricDataResult></GetMetricDataResponse>"
    );
    Ok(([(header::CONTENT_TYPE, "text/xml")], body).into_response())
}

/// The runs of a function. Where the clock jumps, a schedule starts only what finds something due; the starts that would
/// have found nothing count as well.
fn runs(suite: &Suite, name: &str, start: Timestamp, end: Timestamp) -> Vec<Run> {
    let Ok(function) = lambda::named(suite, name) else { return Vec::new() };
    let mut runs: Vec<Run> = suite.runs().into_iter().filter(|run| run.function == function.name).collect();
    if let (Some(schedule), false) = (function.schedules.first(), matches!(suite.options().pace, Pace::Real)) {
        let mut at = end.min(suite.now());
        while let Some(earlier) = at.checked_sub(schedule.every).ok().filter(|earlier| *earlier >= start) {
            at = earlier;
            runs.push(Run { function: function.name.clone(), cause: Cause::Schedule, at, took: Default::default(), error: None });
        }
    }
    runs
}

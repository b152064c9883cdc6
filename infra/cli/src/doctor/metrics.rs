//! Questions to CloudWatch's metrics, in its oldest protocol: a form out, XML back.

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};

use crate::account::Installation;
use crate::call::{Call, Service};

/// The sum of a metric with one dimension, in periods of seconds.
pub(super) struct Sum<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) dimension: (&'a str, &'a str),
    pub(super) period: u32,
}

/// The values of a metric with the beginnings of their periods, the newest first.
pub(super) type Values = Vec<(Timestamp, f64)>;

/// Asks for metrics over the time before `now`; answers in their order.
pub(super) async fn ask(
    found: &Installation,
    metrics: &[Sum<'_>],
    over: SignedDuration,
    now: Timestamp,
) -> anyhow::Result<Vec<Values>> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", "GetMetricData").append_pair("Version", "2010-08-01");
    form.append_pair("StartTime", &format!("{:.0}", now.saturating_sub(over)?)).append_pair("EndTime", &format!("{now:.0}"));
    form.append_pair("ScanBy", "TimestampDescending");
    for (number, metric) in (1..).zip(metrics) {
        let mut part = |name: &str, value: &str| {
            form.append_pair(&format!("MetricDataQueries.member.{number}.{name}"), value);
        };
        part("Id", &format!("m{number}"));
        part("MetricStat.Metric.Namespace", metric.namespace);
        part("MetricStat.Metric.MetricName", metric.name);
        part("MetricStat.Metric.Dimensions.member.1.Name", metric.dimension.0);
        part("MetricStat.Metric.Dimensions.member.1.Value", metric.dimension.1);
        part("MetricStat.Period", &metric.period.to_string());
        part("MetricStat.Stat", "Sum");
    }
    let call = Call::form(Service::CloudWatch, form.finish());
    let answer = found.ask(&call).await.context("the metrics cannot be read")?;
    let text = String::from_utf8_lossy(&answer);
    let answer = roxmltree::Document::parse(&text).context("CloudWatch's answer cannot be read")?;
    let named = |node: roxmltree::Node<'_, '_>, name: &str| node.tag_name().name() == name;
    let results = answer.descendants().filter(|node| named(*node, "member") && node.children().any(|child| named(child, "Id")));
    let mut values: Vec<Values> = metrics.iter().map(|_| Vec::new()).collect();
    for result in results {
        let texts = |name: &str| -> Vec<&str> {
            let list = result.children().find(|child| named(*child, name));
            list.into_iter()
                .flat_map(|list| list.children())
                .filter_map(|member| member.text())
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .collect()
        };
        let id = result.children().find(|child| named(*child, "Id")).and_then(|id| id.text()).unwrap_or_default();
        let number: usize = id.strip_prefix('m').and_then(|number| number.parse().ok()).unwrap_or_default();
        let Some(own) = number.checked_sub(1).and_then(|place| values.get_mut(place)) else { continue };
        for (at, value) in texts("Timestamps").into_iter().zip(texts("Values")) {
            own.push((at.parse().context("a moment cannot be read")?, value.parse().context("a value cannot be read")?));
        }
    }
    Ok(values)
}

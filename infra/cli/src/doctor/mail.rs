//! Whether mail can be sent, and whether those who get it can believe it.

use std::time::Duration;

use aws_sdk_sesv2::operation::get_account::GetAccountOutput;
use aws_sdk_sesv2::operation::get_email_identity::GetEmailIdentityOutput;
use aws_sdk_sesv2::types::DkimStatus;
use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::RData;

use super::{Check, Patient};

/// How long a name server may take.
const DNS: Duration = Duration::from_secs(2);

pub(super) async fn look(patient: &Patient<'_>) -> Vec<Check> {
    let Some(live) = patient.live else { return Vec::new() };
    let sender = live.playbook.setup.sender.address.as_str();
    let domain = sender.rsplit('@').next().unwrap_or_default().to_owned();
    let client = aws_sdk_sesv2::Client::new(&patient.found.account.sdk);
    let mut checks = Vec::new();
    match client.get_account().send().await {
        Ok(account) => checks.push(sending(&account)),
        Err(error) => checks.push(Check::unseen("sending", &patient.found.account.explained_sdk(&error))),
    }
    let mut verified = None;
    // SES takes an address of its own before that of its domain.
    for name in [sender, domain.as_str()] {
        match client.get_email_identity().email_identity(name).send().await {
            Ok(identity) if identity.verified_for_sending_status => {
                verified = Some((name.to_owned(), identity));
                break;
            }
            Ok(_) => {}
            Err(error) if error.as_service_error().is_some_and(|refused| refused.is_not_found_exception()) => {}
            Err(error) => {
                checks.push(Check::unseen("sender", &patient.found.account.explained_sdk(&error)));
                return checks;
            }
        }
    }
    match &verified {
        Some((name, _)) => checks.push(Check::ok("sender", format!("SES has verified {name}"))),
        None => checks.push(Check::failed(
            "sender",
            format!("SES has verified neither {sender} nor {domain}: no mail can be sent"),
            format!("put the DKIM records that SES names for {domain} into its DNS, and wait until SES says verified"),
        )),
    }
    if let Some((_, identity)) = &verified {
        checks.push(dkim(identity, &domain));
    }
    checks.extend(dns(&domain, verified.as_ref().map(|(_, identity)| identity)).await);
    checks
}

fn sending(account: &GetAccountOutput) -> Check {
    let what = "sending";
    let status = account.enforcement_status().unwrap_or("HEALTHY");
    if !account.sending_enabled || status == "SHUTDOWN" {
        let remedy = "SES's reputation page says why; bounces and complaints must fall before it is switched on again";
        return Check::failed(what, "SES sends nothing for this account", remedy);
    }
    if !account.production_access_enabled {
        let remedy = "ask SES for production access (Account dashboard): until then only verified addresses get mail";
        return Check::warning(what, "this account is in SES's sandbox", remedy);
    }
    if status != "HEALTHY" {
        return Check::warning(what, format!("SES has this account under {status}"), "SES's reputation page says why");
    }
    let quota = account.send_quota.as_ref();
    let quota =
        quota.map(|quota| format!(", {:.0} of {:.0} mails sent in 24 hours", quota.sent_last24_hours, quota.max24_hour_send));
    Check::ok(what, format!("SES sends for this account{}", quota.unwrap_or_default()))
}

fn dkim(identity: &GetEmailIdentityOutput, domain: &str) -> Check {
    let status = identity.dkim_attributes.as_ref().and_then(|dkim| dkim.status.clone());
    match status {
        Some(DkimStatus::Success) => Check::ok("DKIM", format!("mail from {domain} is signed")),
        status => Check::warning(
            "DKIM",
            format!(
                "mail is not signed for {domain} ({})",
                status.map_or_else(|| "not set up".to_owned(), |status| status.to_string())
            ),
            "put the three CNAME records that SES names for the domain into its DNS",
        ),
    }
}

/// SPF and DMARC, as the domain's name servers have them.
async fn dns(domain: &str, identity: Option<&GetEmailIdentityOutput>) -> Vec<Check> {
    // No name server knows the names of documentation, and the resolver asks none for them.
    let reserved = ["example", "test", "invalid", "localhost"].contains(&domain.rsplit('.').next().unwrap_or_default());
    let policy = match texts(&format!("_dmarc.{domain}.")).await {
        Ok(texts) => match texts.iter().find(|text| text.starts_with("v=DMARC1")) {
            Some(policy) => Check::ok("DMARC", policy.clone()),
            None if reserved => {
                Check::unknown("DMARC", format!("{domain} is a name for examples only, which no name server knows"))
            }
            None => Check::warning(
                "DMARC",
                format!("{domain} has no policy: large mailbox providers ask bulk senders for one"),
                format!("put a TXT record at _dmarc.{domain}, to begin with v=DMARC1; p=none"),
            ),
        },
        Err(why) => Check::unknown("DMARC", format!("DNS does not answer here: {why}")),
    };
    let from = identity.and_then(|identity| identity.mail_from_attributes.as_ref()).map(|from| from.mail_from_domain.clone());
    let Some(from) = from.filter(|from| !from.is_empty()) else {
        return vec![Check::ok("SPF", "amazonses.com's own holds: bounces go there, and DMARC rests on DKIM"), policy];
    };
    let sender = match texts(&format!("{from}.")).await {
        Ok(texts) if texts.iter().any(|text| text.starts_with("v=spf1") && text.contains("include:amazonses.com")) => {
            Check::ok("SPF", format!("{from} lets SES send"))
        }
        Ok(_) => Check::warning(
            "SPF",
            format!("{from}, where bounces go, does not let SES send"),
            format!("put a TXT record at {from}: v=spf1 include:amazonses.com ~all"),
        ),
        Err(why) => Check::unknown("SPF", format!("DNS does not answer here: {why}")),
    };
    vec![sender, policy]
}

/// The TXT records of a name; none if it has none.
async fn texts(name: &str) -> Result<Vec<String>, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let mut builder = TokioResolver::builder_tokio().map_err(|error| said(&error))?;
    builder.options_mut().timeout = DNS;
    builder.options_mut().attempts = 1;
    let resolver = builder.build().map_err(|error| said(&error))?;
    match resolver.txt_lookup(name).await {
        Ok(found) => Ok(found
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::TXT(text) => Some(text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect()),
                _ => None,
            })
            .collect()),
        Err(error) if error.is_no_records_found() => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
    }
}

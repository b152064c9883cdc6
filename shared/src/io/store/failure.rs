//! What DynamoDB refuses, and whether a retry can help.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;

use super::super::{Error, Retry};

/// What a failed call means. For `map_err`: `.map_err(failed("a lead cannot be read"))`.
pub(super) fn failed<E: ProvideErrorMetadata>(what: &'static str) -> impl Fn(SdkError<E>) -> Error {
    move |error| {
        let (retry, why) = match &error {
            SdkError::ServiceError(refusal) => {
                let code = refusal.err().code().unwrap_or("an error without a code");
                (retry(code, refusal.raw().status().is_server_error()), code)
            }
            SdkError::TimeoutError(_) => (Retry::Later, "no answer in time"),
            SdkError::DispatchFailure(_) => (Retry::Later, "no connection"),
            SdkError::ResponseError(_) => (Retry::Later, "an unreadable answer"),
            _ => (Retry::Never, "the request cannot be built"),
        };
        said(retry, what, why)
    }
}

/// Whether a write was refused because its condition does not hold.
pub(super) fn condition_failed<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ConditionalCheckFailedException")
}

/// What a failed transaction means, and which of its actions' conditions did not hold, by their place.
pub(super) fn transaction_failed(what: &'static str, error: SdkError<TransactWriteItemsError>) -> (Error, Vec<usize>) {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
        return (failed(what)(error), vec![]);
    };
    let codes: Vec<&str> = canceled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None")).collect();
    let unmet: Vec<usize> = (0..).zip(&codes).filter(|(_, code)| **code == UNMET).map(|(place, _)| place).collect();
    // An unmet condition is the strongest news: whatever else was in the way, the same actions cannot succeed later.
    let why = codes.iter().find(|code| **code == UNMET).or_else(|| codes.iter().find(|code| **code != "None"));
    let why = why.copied().unwrap_or("TransactionCanceledException");
    (said(retry(why, false), what, why), unmet)
}

/// The reason of an action whose condition did not hold.
const UNMET: &str = "ConditionalCheckFailed";

fn retry(code: &str, server_error: bool) -> Retry {
    match code.strip_suffix("Exception").unwrap_or(code) {
        UNMET => Retry::Reread,
        "ProvisionedThroughputExceeded"
        | "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingError"
        | "TransactionConflict"
        | "TransactionInProgress"
        | "TransactionCanceled"
        | "InternalServerError"
        | "InternalServer"
        | "ServiceUnavailable"
        | "ReplicatedWriteConflict" => Retry::Later,
        _ if server_error => Retry::Later,
        _ => Retry::Never,
    }
}

fn said(retry: Retry, what: &str, why: &str) -> Error {
    let message = format!("{what}: {why}");
    match retry {
        Retry::Later => Error::later(message),
        Retry::Reread => Error::reread(message),
        Retry::Never => Error::never(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;
    use aws_smithy_runtime_api::http::{Response, StatusCode};
    use aws_smithy_types::body::SdkBody;

    fn canceled(codes: &[&str]) -> (Retry, Vec<usize>) {
        let reasons = codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect();
        let refusal = TransactionCanceledException::builder().set_cancellation_reasons(Some(reasons)).build();
        let response = Response::new(StatusCode::try_from(400).unwrap(), SdkBody::empty());
        let error = SdkError::service_error(TransactWriteItemsError::TransactionCanceledException(refusal), response);
        let (error, unmet) = transaction_failed("a lead cannot be saved", error);
        (error.retry, unmet)
    }

    #[test]
    fn a_canceled_transaction_says_what_to_do() {
        assert_eq!(canceled(&["None", "ConditionalCheckFailed"]), (Retry::Reread, vec![1]));
        assert_eq!(canceled(&["TransactionConflict", "ConditionalCheckFailed"]), (Retry::Reread, vec![1]));
        assert_eq!(canceled(&["TransactionConflict", "None"]), (Retry::Later, vec![]));
        assert_eq!(canceled(&["ThrottlingError"]), (Retry::Later, vec![]));
        assert_eq!(canceled(&["ProvisionedThroughputExceeded"]), (Retry::Later, vec![]));
        assert_eq!(canceled(&["ValidationError"]), (Retry::Never, vec![]));
    }

    #[test]
    fn a_refusal_says_whether_a_retry_helps() {
        for (code, server_error, wanted) in [
            ("ConditionalCheckFailedException", false, Retry::Reread),
            ("ThrottlingException", false, Retry::Later),
            ("ProvisionedThroughputExceededException", false, Retry::Later),
            ("InternalServerError", true, Retry::Later),
            ("SomethingNew", true, Retry::Later),
            ("ValidationException", false, Retry::Never),
            ("AccessDeniedException", false, Retry::Never),
            ("ResourceNotFoundException", false, Retry::Never),
        ] {
            assert_eq!(retry(code, server_error), wanted, "{code}");
        }
    }
}

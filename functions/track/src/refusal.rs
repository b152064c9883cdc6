//! Refusals: what a sender did wrong, by a code for programs and a sentence for people.

use axum::http::StatusCode;

/// Why a request, or one message of it, is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, for programs.
    pub code: Code,
    /// The reason and the remedy, for people; it never quotes more than a name.
    pub message: String,
}

/// Reasons for a refusal. They are part of the interface: new ones may come, none changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is explained by the sentence it is sent with")]
pub enum Code {
    // The whole request.
    UnknownWriteKey,
    OriginNotListed,
    TooLarge,
    TooManyMessages,
    NoMessages,
    UnsupportedContentType,
    UnsupportedEncoding,
    InvalidEncoding,
    NotFound,
    MethodNotAllowed,
    TryLater,
    // Single messages.
    InvalidJson,
    InvalidUtf8,
    Nul,
    LoneSurrogate,
    TooDeep,
    TooManyKeys,
    NumberOutOfRange,
    UnknownType,
    UnsupportedType,
    MissingProperty,
    InvalidProperty,
    MissingVisitor,
    InvalidTime,
    FileNotTaken,
    DailyLimit,
}

impl Code {
    /// The code as it is sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownWriteKey => "unknown_write_key",
            Self::OriginNotListed => "origin_not_listed",
            Self::TooLarge => "too_large",
            Self::TooManyMessages => "too_many_messages",
            Self::NoMessages => "no_messages",
            Self::UnsupportedContentType => "unsupported_content_type",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::InvalidEncoding => "invalid_encoding",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TryLater => "try_later",
            Self::InvalidJson => "invalid_json",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::Nul => "nul",
            Self::LoneSurrogate => "lone_surrogate",
            Self::TooDeep => "too_deep",
            Self::TooManyKeys => "too_many_keys",
            Self::NumberOutOfRange => "number_out_of_range",
            Self::UnknownType => "unknown_type",
            Self::UnsupportedType => "unsupported_type",
            Self::MissingProperty => "missing_property",
            Self::InvalidProperty => "invalid_property",
            Self::MissingVisitor => "missing_visitor",
            Self::InvalidTime => "invalid_time",
            Self::FileNotTaken => "file_not_taken",
            Self::DailyLimit => "daily_limit",
        }
    }

    /// The status of an answer that says nothing but this.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::UnknownWriteKey => StatusCode::UNAUTHORIZED,
            Self::OriginNotListed => StatusCode::FORBIDDEN,
            Self::TooLarge | Self::TooManyMessages => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedContentType | Self::UnsupportedEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TryLater => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoMessages
            | Self::InvalidEncoding
            | Self::InvalidJson
            | Self::InvalidUtf8
            | Self::Nul
            | Self::LoneSurrogate
            | Self::TooDeep
            | Self::TooManyKeys
            | Self::NumberOutOfRange
            | Self::UnknownType
            | Self::UnsupportedType
            | Self::MissingProperty
            | Self::InvalidProperty
            | Self::MissingVisitor
            | Self::InvalidTime
            | Self::FileNotTaken
            | Self::DailyLimit => StatusCode::BAD_REQUEST,
        }
    }

    /// A refusal for this reason.
    pub fn because(self, message: impl Into<String>) -> Refusal {
        Refusal { code: self, message: message.into() }
    }
}

impl Refusal {
    /// A property that must be there and is not.
    pub(crate) fn missing(name: &str) -> Self {
        Code::MissingProperty.because(format!("the property {name} is missing"))
    }

    /// A property that is not what it must be.
    pub(crate) fn invalid(name: &str, must_be: &str) -> Self {
        Code::InvalidProperty.because(format!("the property {name} must be {must_be}"))
    }
}

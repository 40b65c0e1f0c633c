//! Reports about mail: delivery status, disposition, abuse feedback; built and parsed (RFC 6522).
//!
//! | report | type | RFC |
//! |---|---|---|
//! | delivery status notification | [`DeliveryStatus`] | 3464, 6533 |
//! | message disposition notification | [`DispositionNotification`] | 8098 |
//! | abuse report | [`FeedbackReport`] | 5965 |
//!
//! All three are a `multipart/report`: words for people, fields for programs, and what is left of the message that it is
//! about. Fields that are not known are kept. Parsing takes the octets of the part with the fields and never fails:
//! what it cannot use it reports with its place.
//!
//! ```
//! use smtpkit_mime::build::{Field, Mailbox, MessageBuilder, Stamp};
//! use smtpkit_mime::report::{Action, DeliveryStatus, RecipientStatus, Returned, TypedValue};
//! use smtpkit_mime::{DateTime, HopCapabilities};
//!
//! let mut failed = RecipientStatus::new(TypedValue::rfc822("bob@example.com")?, Action::Failed, "5.1.1".parse()?);
//! failed.diagnostic_code = Some(TypedValue::smtp("550 5.1.1 no such user")?);
//! let status = DeliveryStatus::new(TypedValue::dns("mx.example.org")?, [failed]);
//!
//! let original = b"From: ada@example.org\r\nTo: bob@example.com\r\n\r\nHello\r\n";
//! let report = MessageBuilder::new()
//!     .from(Mailbox::named("Mail Delivery System", "MAILER-DAEMON@mx.example.org")?)
//!     .to(Mailbox::new("ada@example.org")?)
//!     .subject("Undelivered mail")?
//!     .field(Field::raw("Auto-Submitted", "auto-replied")?)
//!     .body(status.report("Your message could not be delivered.\n", Returned::headers(original)));
//! let stamp = Stamp::new(DateTime::from_unix_seconds(0, 0)?, [1; 16]);
//! let content = String::from_utf8(report.build(HopCapabilities::SEVEN_BIT, &stamp)?.to_vec()?)?;
//! assert!(content.contains("Final-Recipient: rfc822; bob@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod delivery_status;
mod disposition;
mod feedback;
mod field_block;
mod multipart;
mod recipient_status;
mod status_code;
mod text;
mod typed_value;
mod unitext;
pub mod xtext;

pub use self::delivery_status::DeliveryStatus;
pub use self::disposition::{
    ActionMode, Disposition, DispositionError, DispositionNotification, DispositionType, SendingMode,
};
pub use self::feedback::{FeedbackReport, FeedbackType};
pub use self::field_block::{Parsed, ReportDefect, ReportDefectKind};
pub use self::multipart::Returned;
pub use self::recipient_status::{Action, ActionError, RecipientStatus};
pub use self::status_code::{StatusCode, StatusCodeError};
pub use self::text::ReportText;
pub use self::typed_value::TypedValue;

//! Delivery status notifications (RFC 3464, RFC 6533).

use std::borrow::Cow;

use super::field_block::{BlockReader, BlockWriter, Parsed, ReportDefectKind, blocks, push};
use super::multipart::{Returned, fields_of, multipart_report};
use super::unitext::Form;
use super::{RecipientStatus, ReportText, TypedValue};
use crate::build::{FieldName, MediaType, Part};
use crate::{DateTime, Message};

/// What became of a message, for each recipient (RFC 3464 §2).
///
/// ```
/// use smtpkit_mime::report::{Action, DeliveryStatus};
///
/// let part = b"Reporting-MTA: dns; mx.example.org\r\nArrival-Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n\
///              \r\nFinal-Recipient: rfc822; bob@example.com\r\nAction: failed\r\nStatus: 5.1.1 (no such user)\r\n";
/// let status = DeliveryStatus::parse(part).report;
/// assert_eq!(status.recipients[0].action, Action::Failed);
/// assert_eq!(status.arrival_date.unwrap().year(), 1997);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DeliveryStatus {
    /// The sender's own identifier, `ENVID`, decoded (§2.2.1).
    pub original_envelope_id: Option<ReportText>,
    /// The system that made the report (§2.2.2); it is missing only in reports of others.
    pub reporting_mta: Option<TypedValue>,
    /// The gateway that made a report of something else (§2.2.3).
    pub dsn_gateway: Option<TypedValue>,
    /// The system that the message came from (§2.2.4).
    pub received_from_mta: Option<TypedValue>,
    /// When the message came (§2.2.5).
    pub arrival_date: Option<DateTime>,
    /// Fields about the message that are not known, or could not be read (§2.4).
    pub extensions: Vec<(FieldName, ReportText)>,
    /// What became of it for each recipient.
    pub recipients: Vec<RecipientStatus>,
}

impl DeliveryStatus {
    /// A report by `reporting_mta` about `recipients`.
    ///
    /// ```
    /// use smtpkit_mime::report::{Action, DeliveryStatus, RecipientStatus, TypedValue};
    ///
    /// let relayed = RecipientStatus::new(TypedValue::rfc822("b@example.com")?, Action::Relayed, "2.0.0".parse()?);
    /// let status = DeliveryStatus::new(TypedValue::dns("mx.example.org")?, [relayed]);
    /// assert!(status.to_string().starts_with("Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient:"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(reporting_mta: TypedValue, recipients: impl IntoIterator<Item = RecipientStatus>) -> Self {
        let recipients = recipients.into_iter().collect();
        Self { reporting_mta: Some(reporting_mta), recipients, ..Self::default() }
    }

    /// Reads the octets of a `message/delivery-status` or `message/global-delivery-status` part.
    pub fn parse(octets: &[u8]) -> Parsed<Self> {
        let mut defects = Vec::new();
        let mut blocks = blocks(octets, &mut defects).into_iter().peekable();
        let mut report = Self::default();
        // some systems leave the fields about the message out
        let starts_with_recipient = blocks.peek().is_some_and(|block| {
            block.fields.iter().any(|field| field.name.eq_ignore_ascii_case("Final-Recipient"))
        });
        let about_message = if starts_with_recipient { None } else { blocks.next() };
        match about_message {
            None => push(&mut defects, 0, ReportDefectKind::Missing("Reporting-MTA")),
            Some(block) => {
                let mut block = BlockReader::new(block, &mut defects);
                report.original_envelope_id = block.text("Original-Envelope-Id");
                report.reporting_mta = block.typed("Reporting-MTA");
                report.dsn_gateway = block.typed("DSN-Gateway");
                report.received_from_mta = block.typed("Received-From-MTA");
                report.arrival_date = block.date("Arrival-Date");
                if report.reporting_mta.is_none() {
                    block.missing("Reporting-MTA");
                }
                report.extensions = block.extensions();
            }
        }
        report.recipients = blocks.filter_map(|block| RecipientStatus::read(block, &mut defects)).collect();
        Parsed { report, defects }
    }

    /// The first report of this kind in a message; none if it has no such part.
    ///
    /// ```
    /// use smtpkit_mime::{Message, report::DeliveryStatus};
    /// assert!(DeliveryStatus::find(&Message::parse(b"Subject: no report\r\n\r\n")).is_none());
    /// ```
    pub fn find(message: &Message<'_>) -> Option<Parsed<Self>> {
        fields_of(message, &["delivery-status", "global-delivery-status"]).map(|octets| Self::parse(&octets))
    }

    /// The report as a part for [`MessageBuilder::body`](crate::build::MessageBuilder::body): `text` for people, these
    /// fields, and what is `returned` of the message.
    pub fn report<'a>(&self, text: impl Into<Cow<'a, str>>, returned: Returned<'a>) -> Part<'a> {
        let media_type = match self.form() {
            Form::Ascii => "message/delivery-status",
            Form::Utf8 => "message/global-delivery-status",
        };
        let fields = Part::lines(MediaType::known(media_type), self.to_string());
        multipart_report("delivery-status", text.into(), fields, returned)
    }

    /// ASCII unless some value cannot be written so (RFC 6533 §4).
    fn form(&self) -> Form {
        let typed = [&self.reporting_mta, &self.dsn_gateway, &self.received_from_mta];
        let needs_utf8 = typed.into_iter().flatten().any(TypedValue::needs_utf8)
            || self.original_envelope_id.iter().any(|text| !text.as_str().is_ascii())
            || self.extensions.iter().any(|(_, text)| !text.as_str().is_ascii())
            || self.recipients.iter().any(RecipientStatus::needs_utf8);
        if needs_utf8 { Form::Utf8 } else { Form::Ascii }
    }
}

/// Writes the fields as they stand in their part.
impl core::fmt::Display for DeliveryStatus {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut out = BlockWriter::new(self.form());
        out.text("Original-Envelope-Id", self.original_envelope_id.as_ref());
        out.typed("Reporting-MTA", self.reporting_mta.as_ref());
        out.typed("DSN-Gateway", self.dsn_gateway.as_ref());
        out.typed("Received-From-MTA", self.received_from_mta.as_ref());
        out.date("Arrival-Date", self.arrival_date);
        out.extensions(&self.extensions);
        for recipient in &self.recipients {
            out.end_block();
            recipient.write(&mut out);
        }
        f.write_str(&out.finish())
    }
}

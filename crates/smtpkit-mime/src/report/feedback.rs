//! Abuse reports, ARF: what a recipient's system tells a sender's about unwanted mail (RFC 5965).

use core::fmt;
use core::net::IpAddr;
use std::borrow::Cow;

use super::field_block::{
    BlockReader, BlockWriter, Parsed, ReportDefectKind, blocks, push, without_comments,
};
use super::multipart::{Returned, fields_of, multipart_report};
use super::unitext::Form;
use super::{ReportText, TypedValue};
use crate::build::{FieldName, MediaType, Part, ValueError, ValueKind, ValueProblem};
use crate::encode::is_token_octet;
use crate::{DateTime, Message};

/// What a report is about (RFC 5965 §7.3); the registry is open, so is this type.
///
/// ```
/// use smtpkit_mime::report::FeedbackType;
///
/// assert_eq!(FeedbackType::new("Abuse")?, FeedbackType::ABUSE);
/// assert!(FeedbackType::new("two words").is_err());
/// # Ok::<(), smtpkit_mime::build::ValueError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FeedbackType(Cow<'static, str>);

impl FeedbackType {
    /// Unwanted mail.
    pub const ABUSE: Self = Self(Cow::Borrowed("abuse"));
    /// Authentication that failed (RFC 6591).
    pub const AUTH_FAILURE: Self = Self(Cow::Borrowed("auth-failure"));
    /// Fraud or phishing.
    pub const FRAUD: Self = Self(Cow::Borrowed("fraud"));
    /// Mail that was taken for spam and is not (RFC 6430).
    pub const NOT_SPAM: Self = Self(Cow::Borrowed("not-spam"));
    /// Anything else.
    pub const OTHER: Self = Self(Cow::Borrowed("other"));
    /// A virus.
    pub const VIRUS: Self = Self(Cow::Borrowed("virus"));

    /// A type by its name, in any case.
    ///
    /// # Errors
    /// [`ValueError`] if it is not a token of at most 60 octets.
    pub fn new(name: &str) -> Result<Self, ValueError> {
        let refused = |problem| Err(ValueError::new(ValueKind::ReportValue, problem));
        match name.bytes().enumerate().find(|&(_, octet)| !is_token_octet(octet)) {
            _ if name.is_empty() => refused(ValueProblem::Empty),
            _ if name.len() > 60 => refused(ValueProblem::TooLong { octets_max: 60 }),
            Some((at, octet)) => refused(ValueProblem::Octet { octet, at }),
            None => Ok(Self(Cow::Owned(name.to_ascii_lowercase()))),
        }
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a recipient's system tells about a message (RFC 5965 §3).
///
/// ```
/// use smtpkit_mime::report::{FeedbackReport, FeedbackType};
///
/// let part = b"Feedback-Type: abuse\r\nUser-Agent: SomeGenerator/1.0\r\nVersion: 1\r\n\
///              Source-IP: 192.0.2.1\r\nReported-Domain: example.com\r\n";
/// let report = FeedbackReport::parse(part).report.unwrap();
/// assert_eq!(report.feedback_type, FeedbackType::ABUSE);
/// assert_eq!(report.source_ip, Some([192, 0, 2, 1].into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedbackReport {
    /// What it is about (§3.1).
    pub feedback_type: FeedbackType,
    /// The program that made the report (§3.1).
    pub user_agent: ReportText,
    /// The version of the format, `1` (§3.1).
    pub version: ReportText,
    /// The sender's own identifier, `ENVID` (§3.2).
    pub original_envelope_id: Option<ReportText>,
    /// The reverse-path of the message (§3.2).
    pub original_mail_from: Option<ReportText>,
    /// When it came (§3.2).
    pub arrival_date: Option<DateTime>,
    /// The system that makes the report (§3.2).
    pub reporting_mta: Option<TypedValue>,
    /// The address that it came from (§3.2).
    pub source_ip: Option<IpAddr>,
    /// How many messages the report stands for (§3.2).
    pub incidents: Option<u32>,
    /// Results of authentication (§3.3).
    pub authentication_results: Vec<ReportText>,
    /// The forward-paths of the message (§3.3).
    pub original_rcpt_to: Vec<ReportText>,
    /// Domains that the report is about (§3.3).
    pub reported_domain: Vec<ReportText>,
    /// URIs that it is about (§3.3).
    pub reported_uri: Vec<ReportText>,
    /// Fields that are not known, or could not be read (§3.4).
    pub extensions: Vec<(FieldName, ReportText)>,
}

impl FeedbackReport {
    /// The fields that must be there, for version 1 of the format.
    ///
    /// ```
    /// use smtpkit_mime::report::{FeedbackReport, FeedbackType, ReportText};
    ///
    /// let report = FeedbackReport::new(FeedbackType::FRAUD, ReportText::new("smtpkit/0.1")?);
    /// assert_eq!(report.to_string(), "Feedback-Type: fraud\r\nUser-Agent: smtpkit/0.1\r\nVersion: 1\r\n");
    /// # Ok::<(), smtpkit_mime::build::ValueError>(())
    /// ```
    pub fn new(feedback_type: FeedbackType, user_agent: ReportText) -> Self {
        Self {
            feedback_type,
            user_agent,
            version: ReportText::lossy("1"),
            original_envelope_id: None,
            original_mail_from: None,
            arrival_date: None,
            reporting_mta: None,
            source_ip: None,
            incidents: None,
            authentication_results: Vec::new(),
            original_rcpt_to: Vec::new(),
            reported_domain: Vec::new(),
            reported_uri: Vec::new(),
            extensions: Vec::new(),
        }
    }

    /// Reads the octets of a `message/feedback-report` part; there is no report without its three fields.
    pub fn parse(octets: &[u8]) -> Parsed<Option<Self>> {
        let mut defects = Vec::new();
        let mut blocks = blocks(octets, &mut defects).into_iter();
        let block = blocks.next().unwrap_or_default();
        if let Some(second) = blocks.next() {
            push(&mut defects, second.at, ReportDefectKind::TooMany);
        }
        let mut block = BlockReader::new(block, &mut defects);
        let feedback_type =
            block.one("Feedback-Type", |value| FeedbackType::new(&without_comments(value)).ok());
        if feedback_type.is_none() {
            block.missing("Feedback-Type");
        }
        let user_agent = block.text("User-Agent");
        if user_agent.is_none() {
            block.missing("User-Agent");
        }
        let version = block.text("Version");
        if version.is_none() {
            block.missing("Version");
        }
        let (Some(feedback_type), Some(user_agent), Some(version)) = (feedback_type, user_agent, version)
        else {
            return Parsed { report: None, defects };
        };
        let lossy = |value: &str| Some(ReportText::lossy(value));
        let report = Self {
            feedback_type,
            user_agent,
            version,
            original_envelope_id: block.text("Original-Envelope-Id"),
            original_mail_from: block.text("Original-Mail-From"),
            // the name that the drafts had is still in use
            arrival_date: block.date("Arrival-Date").or_else(|| block.date("Received-Date")),
            reporting_mta: block.typed("Reporting-MTA"),
            source_ip: block.one("Source-IP", |value| without_comments(value).parse().ok()),
            incidents: block.one("Incidents", |value| without_comments(value).parse().ok()),
            authentication_results: block.all("Authentication-Results", lossy),
            original_rcpt_to: block.all("Original-Rcpt-To", lossy),
            reported_domain: block.all("Reported-Domain", lossy),
            reported_uri: block.all("Reported-URI", lossy),
            extensions: block.extensions(),
        };
        Parsed { report: Some(report), defects }
    }

    /// The first report of this kind in a message; none if it has no such part.
    ///
    /// ```
    /// use smtpkit_mime::{Message, report::FeedbackReport};
    /// assert!(FeedbackReport::find(&Message::parse(b"Subject: no report\r\n\r\n")).is_none());
    /// ```
    pub fn find(message: &Message<'_>) -> Option<Parsed<Option<Self>>> {
        fields_of(message, &["feedback-report"]).map(|octets| Self::parse(&octets))
    }

    /// The report as a part for [`MessageBuilder::body`](crate::build::MessageBuilder::body).
    pub fn report<'a>(&self, text: impl Into<Cow<'a, str>>, returned: Returned<'a>) -> Part<'a> {
        let fields = Part::lines(MediaType::known("message/feedback-report"), self.to_string());
        multipart_report("feedback-report", text.into(), fields, returned)
    }
}

/// Writes the fields as they stand in their part.
impl fmt::Display for FeedbackReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = BlockWriter::new(Form::Ascii);
        out.raw("Feedback-Type", self.feedback_type.as_str());
        out.text("User-Agent", Some(&self.user_agent));
        out.text("Version", Some(&self.version));
        out.text("Original-Envelope-Id", self.original_envelope_id.as_ref());
        out.text("Original-Mail-From", self.original_mail_from.as_ref());
        out.date("Arrival-Date", self.arrival_date);
        out.typed("Reporting-MTA", self.reporting_mta.as_ref());
        if let Some(source_ip) = self.source_ip {
            out.raw("Source-IP", &source_ip.to_string());
        }
        if let Some(incidents) = self.incidents {
            out.raw("Incidents", &incidents.to_string());
        }
        let repeated = [
            ("Authentication-Results", &self.authentication_results),
            ("Original-Rcpt-To", &self.original_rcpt_to),
            ("Reported-Domain", &self.reported_domain),
            ("Reported-URI", &self.reported_uri),
        ];
        for (name, values) in repeated {
            values.iter().for_each(|value| out.text(name, Some(value)));
        }
        out.extensions(&self.extensions);
        f.write_str(&out.finish())
    }
}

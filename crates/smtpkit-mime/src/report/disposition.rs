//! Message disposition notifications: what a reader, or a program for a reader, did with a message (RFC 8098).

use core::fmt;
use core::str::FromStr;
use std::borrow::Cow;

use super::field_block::{
    BlockReader, BlockWriter, Parsed, ReportDefectKind, blocks, push, without_comments,
};
use super::multipart::{Returned, fields_of, multipart_report};
use super::unitext::Form;
use super::{ReportText, TypedValue};
use crate::Message;
use crate::build::{FieldName, MediaType, MessageId, Part};

/// Who decided what was done (RFC 8098 §3.2.6.1).
///
/// ```
/// use smtpkit_mime::report::{ActionMode, Disposition};
/// let disposition: Disposition = "manual-action/MDN-sent-manually; displayed".parse()?;
/// assert_eq!(disposition.action_mode, ActionMode::Manual);
/// # Ok::<(), smtpkit_mime::report::DispositionError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActionMode {
    /// The user.
    Manual,
    /// A program.
    Automatic,
}

/// Who decided that this notification is sent (RFC 8098 §3.2.6.1).
///
/// ```
/// use smtpkit_mime::report::{Disposition, SendingMode};
/// let disposition: Disposition = "automatic-action/MDN-sent-automatically; deleted".parse()?;
/// assert_eq!(disposition.sending_mode, SendingMode::Automatic);
/// # Ok::<(), smtpkit_mime::report::DispositionError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendingMode {
    /// The user agreed.
    Manual,
    /// A program did, as it was set up to.
    Automatic,
}

/// What was done with the message (RFC 8098 §3.2.6.2).
///
/// ```
/// use smtpkit_mime::report::{Disposition, DispositionType};
/// let disposition: Disposition = "manual-action/MDN-sent-manually; Deleted".parse()?;
/// assert_eq!(disposition.kind, DispositionType::Deleted);
/// # Ok::<(), smtpkit_mime::report::DispositionError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DispositionType {
    /// It was shown; nobody can say whether it was read.
    Displayed,
    /// It was sent on without being shown.
    Dispatched,
    /// It was handled without being shown.
    Processed,
    /// It was deleted, shown or not.
    Deleted,
}

impl DispositionType {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Displayed, "displayed"),
        (Self::Dispatched, "dispatched"),
        (Self::Processed, "processed"),
        (Self::Deleted, "deleted"),
    ];
}

/// The `Disposition` field (RFC 8098 §3.2.6).
///
/// ```abnf
/// disposition = action-mode "/" sending-mode ";" disposition-type [ "/" modifier *( "," modifier ) ]
/// ```
///
/// ```
/// use smtpkit_mime::report::Disposition;
///
/// let text = "manual-action/MDN-sent-manually; displayed/error";
/// let disposition: Disposition = text.parse()?;
/// assert!(disposition.is_error());
/// assert_eq!(disposition.to_string(), text);
/// # Ok::<(), smtpkit_mime::report::DispositionError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disposition {
    /// Who decided what was done.
    pub action_mode: ActionMode,
    /// Who decided that the notification is sent.
    pub sending_mode: SendingMode,
    /// What was done.
    pub kind: DispositionType,
    /// `error`, and modifiers of extensions.
    pub modifiers: Vec<ReportText>,
}

/// What is no disposition.
///
/// ```
/// assert!("shown".parse::<smtpkit_mime::report::Disposition>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a disposition is two modes, a semicolon and displayed, dispatched, processed or deleted")]
pub struct DispositionError;

impl Disposition {
    /// A disposition without modifiers.
    ///
    /// ```
    /// use smtpkit_mime::report::{ActionMode, Disposition, DispositionType, SendingMode};
    ///
    /// let shown = Disposition::new(ActionMode::Manual, SendingMode::Automatic, DispositionType::Displayed);
    /// assert_eq!(shown.to_string(), "manual-action/MDN-sent-automatically; displayed");
    /// ```
    pub const fn new(action_mode: ActionMode, sending_mode: SendingMode, kind: DispositionType) -> Self {
        Self { action_mode, sending_mode, kind, modifiers: Vec::new() }
    }

    /// Whether the modifier `error` is there.
    pub fn is_error(&self) -> bool {
        self.modifiers.iter().any(|modifier| modifier.as_str().eq_ignore_ascii_case("error"))
    }
}

impl FromStr for Disposition {
    type Err = DispositionError;

    fn from_str(text: &str) -> Result<Self, DispositionError> {
        let (modes, kind) = text.split_once(';').ok_or(DispositionError)?;
        let (action, sending) = modes.split_once('/').ok_or(DispositionError)?;
        let (kind, modifiers) = kind.split_once('/').unwrap_or((kind, ""));
        let is = |word: &str, name: &str| word.trim_ascii().eq_ignore_ascii_case(name);
        Ok(Self {
            action_mode: match action {
                _ if is(action, "manual-action") => ActionMode::Manual,
                _ if is(action, "automatic-action") => ActionMode::Automatic,
                _ => return Err(DispositionError),
            },
            sending_mode: match sending {
                _ if is(sending, "MDN-sent-manually") => SendingMode::Manual,
                _ if is(sending, "MDN-sent-automatically") => SendingMode::Automatic,
                _ => return Err(DispositionError),
            },
            kind: DispositionType::ALL
                .iter()
                .find(|(_, name)| is(kind, name))
                .map(|(kind, _)| *kind)
                .ok_or(DispositionError)?,
            modifiers: modifiers
                .split(',')
                .map(str::trim_ascii)
                .filter(|modifier| !modifier.is_empty())
                .map(ReportText::lossy)
                .collect(),
        })
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.action_mode {
            ActionMode::Manual => "manual-action/",
            ActionMode::Automatic => "automatic-action/",
        })?;
        f.write_str(match self.sending_mode {
            SendingMode::Manual => "MDN-sent-manually; ",
            SendingMode::Automatic => "MDN-sent-automatically; ",
        })?;
        f.write_str(
            DispositionType::ALL.iter().find(|(kind, _)| *kind == self.kind).map_or("", |(_, name)| name),
        )?;
        for (number, modifier) in self.modifiers.iter().enumerate() {
            write!(f, "{}{modifier}", if number == 0 { '/' } else { ',' })?;
        }
        Ok(())
    }
}

/// What a reader's system tells about a message (RFC 8098 §3.1).
///
/// ```
/// use smtpkit_mime::report::DispositionNotification;
///
/// let part = b"Final-Recipient: rfc822;bob@example.com\r\nOriginal-Message-ID: <1@example.org>\r\n\
///              Disposition: manual-action/MDN-sent-manually; displayed\r\n";
/// let parsed = DispositionNotification::parse(part);
/// let notification = parsed.report.unwrap();
/// assert_eq!(notification.original_message_id.unwrap().as_str(), "1@example.org");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DispositionNotification {
    /// The program, and its product name after a semicolon (§3.2.1).
    pub reporting_ua: Option<ReportText>,
    /// The gateway that made this of something else (§3.2.2).
    pub mdn_gateway: Option<TypedValue>,
    /// The address as the sender gave it (§3.2.3).
    pub original_recipient: Option<TypedValue>,
    /// The address that the message came to (§3.2.4).
    pub final_recipient: TypedValue,
    /// Which message it is about (§3.2.5).
    pub original_message_id: Option<MessageId>,
    /// What was done with it (§3.2.6).
    pub disposition: Disposition,
    /// What went wrong, if the disposition says so (§3.2.7).
    pub errors: Vec<ReportText>,
    /// Fields that are not known, or could not be read (§3.3).
    pub extensions: Vec<(FieldName, ReportText)>,
}

impl DispositionNotification {
    /// The two fields that must be there.
    ///
    /// ```
    /// use smtpkit_mime::report::{DispositionNotification, TypedValue};
    ///
    /// let disposition = "automatic-action/MDN-sent-automatically; processed".parse()?;
    /// let notification = DispositionNotification::new(TypedValue::rfc822("bob@example.com")?, disposition);
    /// assert!(notification.to_string().starts_with("Final-Recipient: rfc822; bob@example.com\r\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn new(final_recipient: TypedValue, disposition: Disposition) -> Self {
        Self {
            reporting_ua: None,
            mdn_gateway: None,
            original_recipient: None,
            final_recipient,
            original_message_id: None,
            disposition,
            errors: Vec::new(),
            extensions: Vec::new(),
        }
    }

    /// Reads the octets of a `message/disposition-notification` part; there is no report without its two fields.
    pub fn parse(octets: &[u8]) -> Parsed<Option<Self>> {
        let mut defects = Vec::new();
        let mut blocks = blocks(octets, &mut defects).into_iter();
        let block = blocks.next().unwrap_or_default();
        if let Some(second) = blocks.next() {
            push(&mut defects, second.at, ReportDefectKind::TooMany);
        }
        let mut block = BlockReader::new(block, &mut defects);
        let final_recipient = block.typed("Final-Recipient");
        if final_recipient.is_none() {
            block.missing("Final-Recipient");
        }
        let disposition = block.one("Disposition", |value| without_comments(value).parse().ok());
        if disposition.is_none() {
            block.missing("Disposition");
        }
        let report = final_recipient.zip(disposition).map(|(final_recipient, disposition)| Self {
            reporting_ua: block.text("Reporting-UA"),
            mdn_gateway: block.typed("MDN-Gateway"),
            original_recipient: block.typed("Original-Recipient"),
            final_recipient,
            original_message_id: block.one("Original-Message-ID", |value| MessageId::new(value).ok()),
            disposition,
            errors: block.all("Error", |value| Some(ReportText::lossy(value))),
            extensions: block.extensions(),
        });
        Parsed { report, defects }
    }

    /// The first report of this kind in a message; none if it has no such part.
    ///
    /// ```
    /// use smtpkit_mime::{Message, report::DispositionNotification};
    /// assert!(DispositionNotification::find(&Message::parse(b"Subject: no report\r\n\r\n")).is_none());
    /// ```
    pub fn find(message: &Message<'_>) -> Option<Parsed<Option<Self>>> {
        fields_of(message, &["disposition-notification", "global-disposition-notification"])
            .map(|octets| Self::parse(&octets))
    }

    /// The report as a part for [`MessageBuilder::body`](crate::build::MessageBuilder::body).
    pub fn report<'a>(&self, text: impl Into<Cow<'a, str>>, returned: Returned<'a>) -> Part<'a> {
        let media_type = match self.form() {
            Form::Ascii => "message/disposition-notification",
            Form::Utf8 => "message/global-disposition-notification",
        };
        let fields = Part::lines(MediaType::known(media_type), self.to_string());
        multipart_report("disposition-notification", text.into(), fields, returned)
    }

    fn form(&self) -> Form {
        let typed =
            [self.mdn_gateway.as_ref(), self.original_recipient.as_ref(), Some(&self.final_recipient)];
        let modifiers = self.disposition.modifiers.iter();
        let texts = self.reporting_ua.iter().chain(&self.errors).chain(modifiers);
        let mut texts = texts.chain(self.extensions.iter().map(|(_, text)| text)).map(ReportText::as_str);
        let needs_utf8 = typed.into_iter().flatten().any(TypedValue::needs_utf8)
            || texts.any(|text| !text.is_ascii())
            || self.original_message_id.iter().any(|id| !id.as_str().is_ascii());
        if needs_utf8 { Form::Utf8 } else { Form::Ascii }
    }
}

/// Writes the fields as they stand in their part.
impl fmt::Display for DispositionNotification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = BlockWriter::new(self.form());
        out.text("Reporting-UA", self.reporting_ua.as_ref());
        out.typed("MDN-Gateway", self.mdn_gateway.as_ref());
        out.typed("Original-Recipient", self.original_recipient.as_ref());
        out.typed("Final-Recipient", Some(&self.final_recipient));
        if let Some(id) = &self.original_message_id {
            out.raw("Original-Message-ID", &id.to_string());
        }
        out.raw("Disposition", &self.disposition.to_string());
        self.errors.iter().for_each(|error| out.text("Error", Some(error)));
        out.extensions(&self.extensions);
        f.write_str(&out.finish())
    }
}

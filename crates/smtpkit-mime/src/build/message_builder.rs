//! The builder: collects typed values and says in which order and nesting they are written (RFC 5322 §3.6).

use std::borrow::Cow;

use super::envelope_addresses::EnvelopeAddresses;
use super::field_writer::{FieldWriter, address_is_utf8};
use super::layout::Layout;
use super::value_error::{ValueError, ValueKind, check_text};
use super::{Address, BuildError, Field, Mailbox, MediaType, Message, MessageId, Part, Stamp};
use crate::{DateTime, HopCapabilities};

/// Fields that are not taken as extra ones: the builder writes them from its own values, or never.
const RESERVED: [&str; 15] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Resent-Bcc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Return-Path",
    "Content-",
];

/// Collects what a message is made of and builds it (RFC 5322 §3.6, RFC 2046).
///
/// Methods take values that were checked already. Giving a field twice that may stand once is remembered and
/// reported by [`build`](Self::build).
///
/// ```
/// use smtpkit_mime::{DateTime, HopCapabilities};
/// use smtpkit_mime::build::{Mailbox, MessageBuilder, MessageId, Part, Stamp};
///
/// let builder = MessageBuilder::new()
///     .from("Ada Lovelace <ada@example.org>".parse::<Mailbox>()?)
///     .to(Mailbox::new("charles@example.com")?)
///     .bcc(Mailbox::new("archive@example.org")?)
///     .subject("Déjà vu")?
///     .text("See the picture.\n")
///     .html("<p>See the <img src=\"cid:picture@example.org\">.</p>\n")
///     .inline(
///         Part::octets("image/png".parse()?, b"\x89PNG".as_slice())
///             .content_id(MessageId::new("picture@example.org")?),
///     );
/// let stamp = Stamp::new(DateTime::from_unix_seconds(0, 0)?, [1; 16]);
/// let message = builder.build(HopCapabilities::SEVEN_BIT, &stamp)?;
///
/// assert_eq!(message.envelope_addresses().recipients().len(), 2);
/// let content = String::from_utf8(message.to_vec()?)?;
/// assert!(content.contains("Subject: =?utf-8?Q?D=C3=A9j=C3=A0?= vu\r\n"));
/// assert!(!content.contains("archive"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct MessageBuilder<'a> {
    date: Option<DateTime>,
    from: Vec<Mailbox>,
    sender: Option<Mailbox>,
    reply_to: Vec<Address>,
    to: Vec<Address>,
    cc: Vec<Address>,
    bcc: Vec<Address>,
    subject: Option<String>,
    message_id: Option<MessageId>,
    in_reply_to: Vec<MessageId>,
    references: Vec<MessageId>,
    fields: Vec<Field>,
    text: Option<Cow<'a, str>>,
    html: Option<Cow<'a, str>>,
    inline: Vec<Part<'a>>,
    attachments: Vec<Part<'a>>,
    body: Option<Part<'a>>,
    twice: Option<&'static str>,
}

/// Sets a value that may be given once.
macro_rules! once {
    ($self:ident.$field:ident = $value:expr, $name:literal) => {{
        if $self.$field.replace($value).is_some() {
            $self.twice.get_or_insert($name);
        }
        $self
    }};
}

impl<'a> MessageBuilder<'a> {
    /// A builder that knows nothing yet.
    ///
    /// ```
    /// # use smtpkit_mime::build::{Mailbox, MessageBuilder};
    /// let builder = MessageBuilder::new().from(Mailbox::new("ada@example.org")?).text("Hello\n");
    /// # let _ = builder;
    /// # Ok::<(), smtpkit_mime::build::ValueError>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an author (RFC 5322 §3.6.2).
    #[must_use]
    pub fn from(mut self, author: Mailbox) -> Self {
        self.from.push(author);
        self
    }

    /// Says who sends the message, when that is not its one author (RFC 5322 §3.6.2).
    #[must_use]
    pub fn sender(mut self, sender: Mailbox) -> Self {
        once!(self.sender = sender, "Sender")
    }

    /// Adds an address that replies go to (RFC 5322 §3.6.2).
    #[must_use]
    pub fn reply_to(mut self, address: impl Into<Address>) -> Self {
        self.reply_to.push(address.into());
        self
    }

    /// Adds a recipient (RFC 5322 §3.6.3).
    #[must_use]
    pub fn to(mut self, address: impl Into<Address>) -> Self {
        self.to.push(address.into());
        self
    }

    /// Adds a recipient who is to know of the message (RFC 5322 §3.6.3).
    #[must_use]
    pub fn cc(mut self, address: impl Into<Address>) -> Self {
        self.cc.push(address.into());
        self
    }

    /// Adds a recipient whom nobody else sees: the address is in
    /// [`envelope_addresses`](Message::envelope_addresses) and never in the content (RFC 5322 §3.6.3).
    #[must_use]
    pub fn bcc(mut self, address: impl Into<Address>) -> Self {
        self.bcc.push(address.into());
        self
    }

    /// Sets the subject, text in any script (RFC 5322 §3.6.5).
    ///
    /// # Errors
    /// [`ValueError`] if it has a CR, LF or NUL.
    pub fn subject(mut self, subject: &str) -> Result<Self, ValueError> {
        check_text(ValueKind::FieldBody, subject)?;
        Ok(once!(self.subject = subject.to_owned(), "Subject"))
    }

    /// Sets the date, instead of the stamp's (RFC 5322 §3.6.1).
    #[must_use]
    pub fn date(mut self, date: DateTime) -> Self {
        once!(self.date = date, "Date")
    }

    /// Sets the identifier, instead of one made from the stamp (RFC 5322 §3.6.4).
    #[must_use]
    pub fn message_id(mut self, id: MessageId) -> Self {
        once!(self.message_id = id, "Message-ID")
    }

    /// Adds a message that this one answers (RFC 5322 §3.6.4).
    #[must_use]
    pub fn in_reply_to(mut self, id: MessageId) -> Self {
        self.in_reply_to.push(id);
        self
    }

    /// Adds a message of the conversation, oldest first (RFC 5322 §3.6.4).
    #[must_use]
    pub fn reference(mut self, id: MessageId) -> Self {
        self.references.push(id);
        self
    }

    /// Adds a field that the builder has no method for.
    #[must_use]
    pub fn field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// Sets the plain text.
    #[must_use]
    pub fn text(mut self, text: impl Into<Cow<'a, str>>) -> Self {
        once!(self.text = text.into(), "the plain text")
    }

    /// Sets the HTML text; with a plain text it becomes the better alternative (RFC 2046 §5.1.4).
    #[must_use]
    pub fn html(mut self, html: impl Into<Cow<'a, str>>) -> Self {
        once!(self.html = html.into(), "the HTML text")
    }

    /// Adds a part that the HTML text refers to by its Content-ID (RFC 2387, RFC 2392).
    #[must_use]
    pub fn inline(mut self, part: Part<'a>) -> Self {
        self.inline.push(part.disposed_by_default("inline"));
        self
    }

    /// Adds an attachment.
    #[must_use]
    pub fn attach(mut self, part: Part<'a>) -> Self {
        self.attachments.push(part.disposed_by_default("attachment"));
        self
    }

    /// Sets the whole content as one part, instead of texts; attachments still go beside it.
    #[must_use]
    pub fn body(mut self, part: Part<'a>) -> Self {
        once!(self.body = part, "the body")
    }

    /// Lays the message out for the next hop.
    ///
    /// ```
    /// # use smtpkit_mime::{DateTime, HopCapabilities};
    /// # use smtpkit_mime::build::{BuildError, Mailbox, MessageBuilder, Stamp};
    /// # let stamp = Stamp::new(DateTime::from_unix_seconds(0, 0)?, [1; 16]);
    /// let builder = || MessageBuilder::new().from(Mailbox::new("用户@example.org").unwrap());
    /// assert!(builder().build(HopCapabilities::SMTPUTF8, &stamp).is_ok());
    /// let refused = builder().build(HopCapabilities::EIGHT_BIT, &stamp).unwrap_err();
    /// assert_eq!(refused, BuildError::NeedsSmtputf8("From".to_owned()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`BuildError`] by variant.
    pub fn build(mut self, hop: HopCapabilities, stamp: &Stamp) -> Result<Message<'a>, BuildError> {
        let author = self.check()?;
        let generated = || MessageId::generate(stamp, author.address());
        let message_id = self.message_id.clone().unwrap_or_else(generated);
        let needs = self.needs_smtputf8(hop)?;
        let mut header = Vec::with_capacity(1024);
        self.write_header(&mut header, &message_id, stamp);
        let addresses = self.take_addresses();
        let root = self.into_root();
        let mut layout = Layout::new(header, hop).lay_out(root, stamp)?;
        layout.needs = layout.needs | needs;
        Ok(Message::new(layout, addresses))
    }

    /// The rules of RFC 5322 §3.6 that no single value can keep; returns the first author.
    fn check(&self) -> Result<&Mailbox, BuildError> {
        if let Some(name) = self.twice {
            return Err(BuildError::Twice(name));
        }
        if self.body.is_some() && (self.text.is_some() || self.html.is_some() || !self.inline.is_empty()) {
            return Err(BuildError::Twice("the body"));
        }
        if self.inline.iter().any(|part| part.content_id.is_none()) {
            return Err(BuildError::InlineWithoutId);
        }
        for field in &self.fields {
            let name = field.name().as_str();
            let is_reserved = RESERVED.iter().any(|reserved| {
                if reserved.ends_with('-') {
                    name.get(..reserved.len()).is_some_and(|start| start.eq_ignore_ascii_case(reserved))
                } else {
                    name.eq_ignore_ascii_case(reserved)
                }
            });
            if is_reserved {
                return Err(BuildError::ReservedField(name.to_owned()));
            }
        }
        match self.from.as_slice() {
            [] => Err(BuildError::NoAuthor),
            [_, _, ..] if self.sender.is_none() => Err(BuildError::NoSender),
            [author, ..] => Ok(author),
        }
    }

    /// `SMTPUTF8` if some field needs it.
    fn needs_smtputf8(&self, hop: HopCapabilities) -> Result<HopCapabilities, BuildError> {
        let lists = [("Reply-To", &self.reply_to), ("To", &self.to), ("Cc", &self.cc)];
        let ids = self.message_id.iter().chain(&self.in_reply_to).chain(&self.references);
        let of_mailboxes = |mailboxes: &[Mailbox]| mailboxes.iter().any(|m| address_is_utf8(m.address()));
        let culprit = if of_mailboxes(&self.from) {
            "From"
        } else if self.sender.as_ref().is_some_and(|sender| address_is_utf8(sender.address())) {
            "Sender"
        } else if let Some((name, _)) =
            lists.iter().find(|(_, list)| list.iter().any(|address| of_mailboxes(address.mailboxes())))
        {
            name
        } else if ids.into_iter().any(|id| !id.as_str().is_ascii()) {
            "Message-ID, In-Reply-To or References"
        } else if let Some(field) = self.fields.iter().find(|field| field.needs_smtputf8()) {
            field.name().as_str()
        } else {
            return Ok(HopCapabilities::SEVEN_BIT);
        };
        if hop.covers(HopCapabilities::SMTPUTF8) {
            Ok(HopCapabilities::SMTPUTF8)
        } else {
            Err(BuildError::NeedsSmtputf8(culprit.to_owned()))
        }
    }

    fn write_header(&self, header: &mut Vec<u8>, message_id: &MessageId, stamp: &Stamp) {
        let mut write = |name: &str, value: &dyn Fn(&mut FieldWriter<'_>)| {
            let mut writer = FieldWriter::begin(header, name);
            value(&mut writer);
            writer.end();
        };
        write("Date", &|w| w.date(&self.date.unwrap_or(stamp.now())));
        write("From", &|w| w.mailboxes(&self.from));
        if let Some(sender) = &self.sender {
            write("Sender", &|w| w.mailbox(sender, ""));
        }
        for (name, list) in [("Reply-To", &self.reply_to), ("To", &self.to), ("Cc", &self.cc)] {
            if !list.is_empty() {
                write(name, &|w| w.addresses(list));
            }
        }
        if let Some(subject) = &self.subject {
            write("Subject", &|w| w.text(subject));
        }
        write("Message-ID", &|w| w.message_id(message_id));
        for (name, ids) in [("In-Reply-To", &self.in_reply_to), ("References", &self.references)] {
            if !ids.is_empty() {
                write(name, &|w| w.message_ids(ids));
            }
        }
        for field in &self.fields {
            field.write(header);
        }
        header.extend_from_slice(b"MIME-Version: 1.0\r\n");
    }

    /// Takes the addresses out; the header is written already.
    fn take_addresses(&mut self) -> EnvelopeAddresses {
        let author = core::mem::take(&mut self.from).into_iter().next();
        let reverse_path = self.sender.take().or(author).map(Mailbox::into_address);
        let lists = [&mut self.to, &mut self.cc, &mut self.bcc].map(core::mem::take);
        let recipients = lists.into_iter().flatten().flat_map(Address::into_mailboxes);
        EnvelopeAddresses::new(reverse_path, recipients.map(Mailbox::into_address))
    }

    /// `mixed(related(alternative(text, html), inline…), attachments…)`, each level only where it is needed.
    fn into_root(self) -> Part<'a> {
        let plain = self.text.map(|text| Part::text(MediaType::known("text/plain"), text));
        let html = self.html.map(|html| Part::text(MediaType::known("text/html"), html));
        let mut root = match (self.body, plain, html) {
            (Some(body), _, _) => Some(body),
            (None, Some(plain), Some(html)) => {
                Some(Part::parts(MediaType::known("multipart/alternative"), vec![plain, html]))
            }
            (None, plain, html) => plain.or(html),
        };
        if !self.inline.is_empty() {
            let first = root.get_or_insert_with(|| Part::text(MediaType::known("text/plain"), ""));
            // RFC 2387 §3.1 demands the type of the part that the others belong to
            let start = first.media_type.essence().to_owned();
            let related = MediaType::known("multipart/related").with_known("type", start);
            let parts = root.take().into_iter().chain(self.inline).collect();
            root = Some(Part::parts(related, parts));
        }
        if !self.attachments.is_empty() {
            let parts = root.take().into_iter().chain(self.attachments).collect();
            root = Some(Part::parts(MediaType::known("multipart/mixed"), parts));
        }
        root.unwrap_or_else(|| Part::text(MediaType::known("text/plain"), ""))
    }
}

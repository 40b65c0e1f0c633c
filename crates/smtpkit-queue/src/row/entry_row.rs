//! The row of an entry: everything about it that never changes.
//!
//! ```text
//! version, where the content is, its octets, terms, reverse-path, parameters, origin,
//! number of recipients, each: path, parameters, site, due, flags (held, aliased), the alias if it has one
//! ```

use std::borrow::Cow;
use std::net::SocketAddr;

use smtpkit_codec::{ForwardPath, ReversePath};

use crate::content::ContentId;
use crate::entry::{Entry, Origin};
use crate::queue_id::QueueId;
use crate::recipient::{Recipient, RecipientState};
use crate::schedule::Terms;
use crate::site::Site;
use crate::timestamp::Timestamp;

use super::octets::{BadRow, RowReader, RowWriter};

const VERSION: u8 = 1;

const CONTENT_OWN_ROW: u8 = 0;
const CONTENT_OTHER_ROW: u8 = 1;
const CONTENT_FILE: u8 = 2;

const HELD: u8 = 1;
const ALIASED: u8 = 2;

pub(crate) fn encode_entry(entry: &Entry, content: ContentId) -> Vec<u8> {
    let mut row = RowWriter::new(VERSION, 160 + 80 * entry.recipients.len());
    match content {
        ContentId::Row(id) if id == entry.id => row.octet(CONTENT_OWN_ROW),
        ContentId::Row(id) => {
            row.octet(CONTENT_OTHER_ROW);
            row.number(id.get());
        }
        ContentId::File(id) => {
            row.octet(CONTENT_FILE);
            row.number(id.get());
        }
    }
    row.number(entry.size);
    row.number(entry.terms.release.get());
    row.number(entry.terms.expires.get());
    row.optional_number(entry.terms.notice.map(Timestamp::get));
    row.octet(entry.terms.by_deadline.into());
    row.text(entry.reverse_path.mailbox().map_or("", |mailbox| mailbox.as_str()));
    row.text(entry.parameters.as_ref().as_str());
    encode_origin(&mut row, &entry.origin);
    row.number(entry.recipients.len() as u64);
    for recipient in &entry.recipients {
        row.text(recipient.path.mailbox().map_or("", |mailbox| mailbox.as_str()));
        row.text(recipient.parameters.as_ref().as_str());
        row.text(recipient.site.as_str());
        row.number(recipient.due.get());
        let held = if recipient.state == RecipientState::Held { HELD } else { 0 };
        let aliased = if recipient.alias.is_some() { ALIASED } else { 0 };
        row.octet(held | aliased);
        if let Some(alias) = &recipient.alias {
            row.text(alias.mailbox().map_or("", |mailbox| mailbox.as_str()));
        }
    }
    row.finish()
}

fn encode_origin(row: &mut RowWriter, origin: &Origin) {
    row.text(&origin.protocol);
    row.optional_text(origin.account.as_deref());
    let peer = origin.peer.map(|peer| peer.to_string());
    row.optional_text(peer.as_deref());
    row.optional_text(origin.hello.as_deref());
    row.optional_text(origin.tls.as_deref());
    row.optional_number(origin.report_of.map(QueueId::get));
}

fn decode_origin(row: &mut RowReader<'_>) -> Result<Origin, BadRow> {
    let boxed = |text: Option<&str>| text.map(Box::from);
    let peer = |text: &str| text.parse::<SocketAddr>().map_err(|_| BadRow::Field("its peer is no address"));
    Ok(Origin {
        protocol: row.text()?.into(),
        account: boxed(row.optional_text()?),
        peer: row.optional_text()?.map(peer).transpose()?,
        hello: boxed(row.optional_text()?),
        tls: boxed(row.optional_text()?),
        report_of: row.optional_number()?.map(QueueId::from_u64),
    })
}

/// A row of which only that is read that an index needs; allocates nothing.
pub(crate) struct EntryRow<'a> {
    pub(crate) content: ContentId,
    pub(crate) size: u64,
    /// The mailbox of the reverse-path, `""` if it is null.
    pub(crate) sender: &'a str,
    pub(crate) recipients: u32,
    rest: RowReader<'a>,
}

/// One recipient in a row.
pub(crate) struct RecipientRow<'a> {
    /// The mailbox, `""` for the Postmaster without a domain.
    pub(crate) mailbox: &'a str,
    pub(crate) site: &'a str,
    pub(crate) due: Timestamp,
    pub(crate) state: RecipientState,
    parameters: &'a [u8],
    /// The mailbox of the alias, `""` for the Postmaster without a domain.
    alias: Option<&'a str>,
}

impl<'a> EntryRow<'a> {
    pub(crate) fn new(id: QueueId, row: &'a [u8]) -> Result<Self, BadRow> {
        let mut row = RowReader::new(VERSION, row)?;
        let (content, size) = decode_content(id, &mut row)?;
        decode_terms(&mut row)?;
        let sender = row.text()?;
        row.skip_text()?;
        row.skip_text()?;
        for _ in ["account", "peer", "hello", "tls"] {
            row.skip_optional_text()?;
        }
        row.optional_number()?;
        let recipients = row.small_number()?;
        Ok(Self { content, size, sender, recipients, rest: row })
    }

    /// The mailbox of the reverse-path in lower case, as the index knows it.
    pub(crate) fn lower_sender(&self) -> Cow<'a, str> {
        lower_case(self.sender)
    }

    /// Its recipients in their order, all of them or an error as the last one.
    pub(crate) fn recipients(&self) -> impl Iterator<Item = Result<RecipientRow<'a>, BadRow>> + use<'a> {
        let mut rest = self.rest;
        (0..self.recipients).map(move |_| RecipientRow::read(&mut rest))
    }
}

impl<'a> RecipientRow<'a> {
    fn read(row: &mut RowReader<'a>) -> Result<Self, BadRow> {
        let (mailbox, parameters, site) = (row.text()?, row.octets()?, row.text()?);
        let due = Timestamp::new(row.number()?);
        let flags = row.octet()?;
        if flags & !(HELD | ALIASED) != 0 {
            return Err(BadRow::Field("a recipient is neither queued nor held"));
        }
        let state = if flags & HELD == 0 { RecipientState::Queued } else { RecipientState::Held };
        let alias = if flags & ALIASED == 0 { None } else { Some(row.text()?) };
        Ok(Self { mailbox, site, due, state, parameters, alias })
    }

    /// The domain of the mailbox in lower case, as the indexes know it.
    pub(crate) fn domain(&self) -> Cow<'a, str> {
        lower_case(self.mailbox.rsplit_once('@').map_or("", |(_, domain)| domain))
    }
}

/// Most names are in lower case already, and need no copy.
fn lower_case(text: &str) -> Cow<'_, str> {
    let is_lower = text.bytes().all(|octet| octet.is_ascii() && !octet.is_ascii_uppercase());
    if is_lower { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }
}

/// The whole entry, each recipient as it was accepted.
pub(crate) fn decode_entry(id: QueueId, row: &[u8]) -> Result<Entry, BadRow> {
    decode(id, row, |_| true)
}

/// The entry with the recipients at these places alone, which rise. The others are passed over unread: a mail to many
/// next hops would be read whole for each of them.
pub(crate) fn decode_some(id: QueueId, row: &[u8], indexes: &[u32]) -> Result<Entry, BadRow> {
    let mut wanted = indexes.iter().peekable();
    decode(id, row, |index| wanted.next_if_eq(&&index).is_some())
}

fn decode(id: QueueId, row: &[u8], mut is_wanted: impl FnMut(u32) -> bool) -> Result<Entry, BadRow> {
    let mut row = RowReader::new(VERSION, row)?;
    let (_, size) = decode_content(id, &mut row)?;
    let terms = decode_terms(&mut row)?;
    let reverse_path = match row.text()? {
        "" => ReversePath::null(),
        mailbox => mailbox.parse().map_err(|_| BadRow::Field("its reverse-path is none"))?,
    };
    let parameters = row.text()?.parse().map_err(|_| BadRow::Field("its parameters are none of MAIL"))?;
    let origin = decode_origin(&mut row)?;
    let mut entry = Entry { id, reverse_path, parameters, size, origin, terms, recipients: Vec::new() };
    for index in 0..row.small_number()? {
        let recipient = RecipientRow::read(&mut row)?;
        if !is_wanted(index) {
            continue;
        }
        let path = forward_path(recipient.mailbox)?;
        let parameters = std::str::from_utf8(recipient.parameters).ok();
        let parameters = parameters.and_then(|parameters| parameters.parse().ok());
        let parameters = parameters.ok_or(BadRow::Field("parameters are none of RCPT"))?;
        let mut decoded = Recipient::new(path, Site::new(recipient.site)).with_parameters(parameters);
        decoded.alias = recipient.alias.map(forward_path).transpose()?;
        decoded.due = recipient.due;
        decoded.state = recipient.state;
        entry.recipients.push(decoded);
    }
    row.end()?;
    Ok(entry)
}

fn forward_path(mailbox: &str) -> Result<ForwardPath, BadRow> {
    match mailbox {
        "" => Ok(ForwardPath::postmaster()),
        mailbox => mailbox.parse().map_err(|_| BadRow::Field("a forward-path is none")),
    }
}

fn decode_content(id: QueueId, row: &mut RowReader<'_>) -> Result<(ContentId, u64), BadRow> {
    let content = match row.octet()? {
        CONTENT_OWN_ROW => ContentId::Row(id),
        CONTENT_OTHER_ROW => ContentId::Row(QueueId::from_u64(row.number()?)),
        CONTENT_FILE => ContentId::File(QueueId::from_u64(row.number()?)),
        _ => return Err(BadRow::Field("its content is at an unknown place")),
    };
    Ok((content, row.number()?))
}

fn decode_terms(row: &mut RowReader<'_>) -> Result<Terms, BadRow> {
    Ok(Terms {
        release: Timestamp::new(row.number()?),
        expires: Timestamp::new(row.number()?),
        notice: row.optional_number()?.map(Timestamp::new),
        by_deadline: match row.octet()? {
            0 => false,
            1 => true,
            _ => return Err(BadRow::Field("its terms are damaged")),
        },
    })
}

//! A finished message on its way out: what may leave of it, and who it says it is for (RFC 5322 §3.6.3, §3.6.6).
//!
//! Nothing is repaired or added. Line ends become CRLF, Bcc fields stay here, every other octet passes.

use std::borrow::Cow;

use super::transfer::has_bare_line_end;
use super::{AddrSpec, EnvelopeAddresses};
use crate::defect::Defect;
use crate::encode::CrlfEncoder;
use crate::header::field::{Cursor, Scan, folded_end, is_envelope_line, scan};
use crate::header::{AddressList, Header};

/// A message as it may leave: see [`sendable`].
///
/// ```
/// let outgoing = smtpkit_mime::build::sendable(b"To: a@example.org\nBcc: b@example.org\n\nHello\n");
/// assert_eq!(outgoing.content(), b"To: a@example.org\r\n\r\nHello\r\n");
/// ```
#[derive(Debug, Clone)]
pub struct Outgoing<'r> {
    content: Cow<'r, [u8]>,
    addresses: EnvelopeAddresses,
    unusable: Vec<String>,
    defects: Vec<Defect>,
}

impl<'r> Outgoing<'r> {
    /// The octets to send.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The octets to send, borrowed if none had to change.
    pub fn into_content(self) -> Cow<'r, [u8]> {
        self.content
    }

    /// Who the header says the message is from and for; of the most recent resending, if there was one.
    pub const fn envelope_addresses(&self) -> &EnvelopeAddresses {
        &self.addresses
    }

    /// What stands where an address should, and is none that can be sent to.
    pub fn unusable_addresses(&self) -> &[String] {
        &self.unusable
    }

    /// What is wrong with the address fields, with offsets into the message that was given, once its line ends
    /// are CRLF.
    pub fn defects(&self) -> &[Defect] {
        &self.defects
    }
}

/// Takes a raw message, with any line ends, and gives what may leave of it.
///
/// `Bcc` and `Resent-Bcc` fields are removed, their addresses are recipients of the envelope. With any `Resent-To`,
/// `Resent-Cc` or `Resent-Bcc` field the first block of resent fields says who sends and who receives, not the
/// original ones (RFC 5322 §3.6.6). An envelope line of an mbox file before the header is dropped.
///
/// ```
/// use smtpkit_mime::build::sendable;
///
/// let raw = b"Resent-From: relay@example.org\r\nResent-To: new@example.org\r\n\
///             From: a@example.com\r\nTo: old@example.com\r\n\r\nHello\r\n";
/// let outgoing = sendable(raw);
/// let addresses = outgoing.envelope_addresses();
/// assert_eq!(addresses.reverse_path().unwrap().as_str(), "relay@example.org");
/// assert_eq!(addresses.recipients()[0].as_str(), "new@example.org");
/// assert_eq!(outgoing.content(), raw);
/// ```
pub fn sendable(raw: &[u8]) -> Outgoing<'_> {
    let lines = if has_bare_line_end(raw) {
        let mut lines = Vec::with_capacity(raw.len() + raw.len() / 32);
        CrlfEncoder::new().push(raw, &mut lines);
        Cow::Owned(lines)
    } else {
        Cow::Borrowed(raw)
    };
    let mut reader = AddressReader::default();
    let addresses = reader.read(&lines);
    let kept = kept_ranges(&lines);
    let content = match kept.as_slice() {
        [all] if all.len() == lines.len() => lines,
        ranges => Cow::Owned(
            ranges.iter().filter_map(|range| lines.get(range.clone())).flatten().copied().collect(),
        ),
    };
    Outgoing { content, addresses, unusable: reader.unusable, defects: reader.defects }
}

/// The ranges that may leave: all but the fields that name blind recipients.
fn kept_ranges(message: &[u8]) -> Vec<core::ops::Range<usize>> {
    let mut kept = Vec::new();
    let mut at = 0;
    let mut keep_from = 0;
    if is_envelope_line(message) {
        keep_from = memchr::memchr(b'\n', message).map_or(message.len(), |end| end + 1);
        at = keep_from;
    }
    while let Some(rest) = message.get(at..) {
        let (colon, length) = match scan(rest, &mut Cursor::default(), true) {
            Scan::Field { colon, length } => (colon, length),
            // readers forgive a first line that is no field, so what follows it may still be the header
            Scan::NotAField if !rest.is_empty() && kept.is_empty() && at == keep_from => {
                at += folded_end(rest, 0, true).unwrap_or(rest.len());
                continue;
            }
            _ => break,
        };
        let name = rest.get(..colon).unwrap_or_default().trim_ascii_end();
        if name.eq_ignore_ascii_case(b"Bcc") || name.eq_ignore_ascii_case(b"Resent-Bcc") {
            if at > keep_from {
                kept.push(keep_from..at);
            }
            keep_from = at + length;
        }
        at += length;
    }
    kept.push(keep_from..message.len());
    kept
}

#[derive(Debug, Default)]
struct AddressReader {
    unusable: Vec<String>,
    defects: Vec<Defect>,
}

impl AddressReader {
    fn read(&mut self, message: &[u8]) -> EnvelopeAddresses {
        let header = Header::parse(message);
        let is_resent =
            ["Resent-To", "Resent-Cc", "Resent-Bcc"].iter().any(|name| header.first(name).is_some());
        let (senders, recipients) = if is_resent {
            (["Resent-Sender", "Resent-From"], ["Resent-To", "Resent-Cc", "Resent-Bcc"])
        } else {
            (["Sender", "From"], ["To", "Cc", "Bcc"])
        };
        let fields = || header.fields();
        // fields of a resending stand before those of earlier ones, so the block ends where a name comes back
        let block_end = if is_resent { resent_block_end(&header) } else { usize::MAX };
        let mut of = |name: &str| {
            let mut found = Vec::new();
            for field in fields().take(block_end).filter(|field| field.is(name)) {
                let list = field.addresses();
                self.defects.extend(list.defects().iter().copied());
                self.collect(&list, &mut found);
            }
            found
        };
        let reverse_path = senders.into_iter().find_map(|name| of(name).into_iter().next());
        let recipients: Vec<AddrSpec> = recipients.into_iter().flat_map(&mut of).collect();
        EnvelopeAddresses::new(reverse_path, recipients)
    }

    fn collect(&mut self, list: &AddressList<'_>, found: &mut Vec<AddrSpec>) {
        for mailbox in list.mailboxes() {
            match mailbox.address().map(AddrSpec::new) {
                Some(Ok(address)) => found.push(address),
                _ => {
                    self.unusable.extend(mailbox.address().or(mailbox.name()).map(str::to_owned));
                }
            }
        }
    }
}

/// How many fields of the header belong to the most recent resending or stand before it.
fn resent_block_end(header: &Header<'_>) -> usize {
    const RESENT: [&str; 7] = [
        "Resent-Date",
        "Resent-From",
        "Resent-Sender",
        "Resent-To",
        "Resent-Cc",
        "Resent-Bcc",
        "Resent-Message-ID",
    ];
    let mut seen = [false; RESENT.len()];
    for (number, field) in header.fields().enumerate() {
        let Some(which) = RESENT.iter().position(|name| field.is(name)) else { continue };
        match seen.get_mut(which) {
            Some(seen) if *seen => return number,
            Some(seen) => *seen = true,
            None => {}
        }
    }
    usize::MAX
}

//! Who a message is from and for, as its header says: what an envelope can be made of.

use super::AddrSpec;

/// The addresses for the envelope of a message, each recipient once (RFC 5321 §2.3.1, RFC 5322 §3.6.3).
///
/// Bcc recipients are here and nowhere else: they are never written into the content.
///
/// ```
/// use smtpkit_mime::build::sendable;
///
/// let raw = b"From: ada@example.org\nTo: b@example.com\nBcc: c@example.com\n\nHello\n";
/// let outgoing = sendable(raw);
/// let addresses = outgoing.envelope_addresses();
/// assert_eq!(addresses.reverse_path().map(|a| a.as_str()), Some("ada@example.org"));
/// assert_eq!(addresses.recipients().len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EnvelopeAddresses {
    reverse_path: Option<AddrSpec>,
    recipients: Vec<AddrSpec>,
}

impl EnvelopeAddresses {
    pub(crate) fn new<'m>(
        reverse_path: Option<AddrSpec>,
        recipients: impl IntoIterator<Item = &'m AddrSpec>,
    ) -> Self {
        let mut addresses = Self { reverse_path, recipients: Vec::new() };
        let mut seen = std::collections::HashSet::new();
        for recipient in recipients {
            if seen.insert(recipient) {
                addresses.recipients.push(recipient.clone());
            }
        }
        addresses
    }

    /// Where notifications go: the sender, or else the first author.
    pub const fn reverse_path(&self) -> Option<&AddrSpec> {
        self.reverse_path.as_ref()
    }

    /// Everyone in To, Cc and Bcc, in that order, without repetitions.
    pub fn recipients(&self) -> &[AddrSpec] {
        &self.recipients
    }
}

//! Who a message is from and for, as its header says: what an envelope can be made of.

use std::collections::BTreeSet;

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
    pub(crate) fn new(
        reverse_path: Option<AddrSpec>,
        recipients: impl IntoIterator<Item = AddrSpec>,
    ) -> Self {
        let mut recipients: Vec<AddrSpec> = recipients.into_iter().collect();
        if recipients.len() > 1 {
            let mut seen = BTreeSet::new();
            let is_first: Vec<bool> =
                recipients.iter().map(|address| seen.insert(address.as_str())).collect();
            let mut is_first = is_first.into_iter();
            recipients.retain(|_| is_first.next().unwrap_or(true));
        }
        Self { reverse_path, recipients }
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

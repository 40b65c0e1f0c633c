//! Who content is from and for: the envelope of a mail object (RFC 5321 §2.3.1).
//!
//! It says nothing of the content, and the content's header says nothing that binds an envelope.

use alloc::vec::Vec;

use crate::address::{AddressError, ForwardPath, ReversePath};
use crate::command::{MailParameters, RcptParameters};

/// One RCPT: a forward-path and its parameters (RFC 5321 §4.1.1.3).
///
/// ```
/// use smtpkit_codec::envelope::Recipient;
///
/// let recipient = Recipient::from(smtpkit_codec::ForwardPath::postmaster());
/// assert_eq!(recipient.to_string(), "<Postmaster>");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Recipient {
    /// Where the mail goes.
    pub path: ForwardPath,
    /// What RCPT says beside it.
    pub parameters: RcptParameters,
}

impl From<ForwardPath> for Recipient {
    fn from(path: ForwardPath) -> Self {
        Self { path, parameters: RcptParameters::default() }
    }
}

impl core::fmt::Display for Recipient {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.path.fmt(f)
    }
}

/// The envelope of a mail object (RFC 5321 §2.3.1): one MAIL and one or more RCPT.
///
/// ```
/// use smtpkit_codec::envelope::Envelope;
///
/// let envelope = Envelope::new("alice@example.test", ["bob@example.test", "carol@example.test"])?;
/// assert_eq!(envelope.reverse_path.to_string(), "<alice@example.test>");
/// assert_eq!(envelope.recipients.len(), 2);
///
/// let report = Envelope::new("<>", ["alice@example.test"])?;
/// assert!(report.reverse_path.as_ref().is_null());
/// # Ok::<(), smtpkit_codec::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Envelope {
    /// Where notifications go.
    pub reverse_path: ReversePath,
    /// What MAIL says beside it.
    pub parameters: MailParameters,
    /// Whom the mail is for, in the order of the RCPT commands.
    pub recipients: Vec<Recipient>,
}

impl Envelope {
    /// An envelope without parameters. Paths are mailboxes with or without angle brackets; `<>` is the null
    /// reverse-path.
    ///
    /// # Errors
    /// The first path that is none, with where it goes wrong.
    pub fn new(
        reverse_path: &str,
        recipients: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, AddressError> {
        let recipients = recipients
            .into_iter()
            .map(|path| path.as_ref().parse::<ForwardPath>().map(Recipient::from))
            .collect::<Result<_, _>>()?;
        Ok(Self { reverse_path: reverse_path.parse()?, parameters: MailParameters::default(), recipients })
    }

    /// The same envelope with these parameters of MAIL.
    #[must_use]
    pub fn with_parameters(self, parameters: MailParameters) -> Self {
        Self { parameters, ..self }
    }
}

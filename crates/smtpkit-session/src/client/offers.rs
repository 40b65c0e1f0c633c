//! What a transaction needs and whether the peer offers it: everything is checked before MAIL is said.

use super::content::Transfer;
use super::transaction::Plan;
use alloc::string::{String, ToString};
use smtpkit_codec::{Body, EhloReply, Envelope, Keyword, MailParameters, Parameter, SizeLimit};

/// What the peer cannot do that the message needs. Nothing has been sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsupported {
    /// An extension is not offered that a parameter, an address or the content needs.
    Extension {
        /// The EHLO keyword of the extension.
        keyword: &'static str,
        /// What needs it.
        needed_for: String,
    },
    /// The content is larger than the peer takes (RFC 1870 §6.1).
    Size {
        /// Octets of the content.
        octets: u64,
        /// What the peer takes.
        limit: u64,
    },
    /// More recipients than the peer takes in one transaction (RFC 9422 §4.2).
    Recipients {
        /// Recipients of the envelope.
        count: usize,
        /// What the peer takes.
        limit: u64,
    },
    /// The session has had as many transactions as the peer takes (RFC 9422 §4.1).
    Transactions {
        /// What the peer takes.
        limit: u64,
    },
    /// Binary content by DATA (RFC 3030 §3).
    BinaryWithoutChunks,
    /// REQUIRETLS over a plaintext connection (RFC 8689 §4.1).
    RequireTlsInPlaintext,
}

impl core::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Extension { keyword: "SMTPUTF8", needed_for } if needed_for == "SMTPUTF8" => f.write_str(
                "the server does not offer SMTPUTF8, which an address or a header beyond ASCII needs",
            ),
            Self::Extension { keyword, needed_for } if needed_for == keyword => {
                write!(f, "the server does not offer {keyword}, which the mail asks for")
            }
            Self::Extension { keyword, needed_for } => {
                write!(f, "the server does not offer {keyword}, which {needed_for} needs")
            }
            Self::Size { octets, limit } => {
                write!(f, "the content has {octets} octets, the server takes {limit}")
            }
            Self::Recipients { count, limit } => {
                write!(f, "the envelope has {count} recipients, the server takes {limit} at once")
            }
            Self::Transactions { limit } => write!(f, "the server takes {limit} messages in one session"),
            Self::BinaryWithoutChunks => f.write_str("binary content has to go by BDAT"),
            Self::RequireTlsInPlaintext => f.write_str("REQUIRETLS needs a TLS connection"),
        }
    }
}

impl core::error::Error for Unsupported {}

/// The parts of an EHLO reply that every transaction asks for, looked up once.
#[derive(Clone, Debug, Default)]
pub(super) struct Offers {
    pub(super) pipelining: bool,
    pub(super) starttls: bool,
    size: Option<SizeLimit>,
    recipients_max: Option<u64>,
    transactions_max: Option<u64>,
}

/// Which extension brings which parameter; the value of BODY decides by itself.
const PARAMETERS: [(&str, Keyword); 18] = [
    ("SIZE", Keyword::Size),
    ("SMTPUTF8", Keyword::SmtpUtf8),
    ("RET", Keyword::Dsn),
    ("ENVID", Keyword::Dsn),
    ("NOTIFY", Keyword::Dsn),
    ("ORCPT", Keyword::Dsn),
    ("AUTH", Keyword::Auth),
    ("BY", Keyword::DeliverBy),
    ("HOLDFOR", Keyword::FutureRelease),
    ("HOLDUNTIL", Keyword::FutureRelease),
    ("MT-PRIORITY", Keyword::MtPriority),
    ("REQUIRETLS", Keyword::RequireTls),
    ("RRVS", Keyword::Rrvs),
    ("MTRK", Keyword::Mtrk),
    ("CONPERM", Keyword::Conperm),
    ("CONNEG", Keyword::Conneg),
    ("SOLICIT", Keyword::NoSoliciting),
    ("TRANSID", Keyword::Checkpoint),
];

impl Offers {
    pub(super) fn of(ehlo: &EhloReply) -> Self {
        let ehlo = ehlo.as_ref();
        let limits = ehlo.limits();
        Self {
            pipelining: ehlo.has(Keyword::Pipelining),
            starttls: ehlo.has(Keyword::StartTls),
            size: ehlo.size(),
            recipients_max: limits.and_then(|limits| limits.rcpt_max()).map(u64::from),
            transactions_max: limits.and_then(|limits| limits.mail_max()).map(u64::from),
        }
    }

    /// How many more the peer takes after so many.
    pub(super) fn transactions_left(&self, transactions: u64) -> Option<u64> {
        self.transactions_max.map(|max| max.saturating_sub(transactions))
    }

    /// The parameters that MAIL gets: those of the envelope, and what the plan and the addresses add where the peer
    /// offers it.
    pub(super) fn parameters(
        &self,
        session: &Offered<'_>,
        envelope: &Envelope,
        plan: &Plan,
    ) -> Result<MailParameters, Unsupported> {
        self.check_limits(session, envelope)?;
        let given = envelope.parameters.as_ref();
        for parameter in given.iter() {
            session.check_parameter(parameter)?;
        }
        for recipient in &envelope.recipients {
            for parameter in recipient.parameters.as_ref().iter() {
                session.check_parameter(parameter)?;
            }
        }
        if given.requiretls() && !session.encrypted {
            return Err(Unsupported::RequireTlsInPlaintext);
        }
        if plan.transfer == Transfer::Chunks {
            session.need(Keyword::Chunking, "BDAT")?;
        }
        let mut parameters = envelope.parameters.clone();
        if let Some(size) = given.size().or(plan.size) {
            self.check_size(size)?;
            if given.size().is_none() && self.size.is_some() {
                parameters = parameters.with_size(size);
            }
        }
        match (given.body(), plan.body) {
            (None, Some(Body::EightBitMime)) => {
                session.need(Keyword::EightBitMime, "content with octets over 127")?;
                parameters = parameters.with_body(Body::EightBitMime);
            }
            (None, Some(Body::BinaryMime)) | (Some(Body::BinaryMime), _) => {
                session.need(Keyword::BinaryMime, "binary content")?;
                if plan.transfer != Transfer::Chunks {
                    return Err(Unsupported::BinaryWithoutChunks);
                }
                parameters = parameters.with_body(Body::BinaryMime);
            }
            _ => {}
        }
        if !given.smtputf8() && !is_ascii(envelope) {
            session.need(Keyword::SmtpUtf8, "an address with characters beyond ASCII")?;
            parameters = parameters.with_smtputf8();
        }
        Ok(parameters)
    }

    fn check_limits(&self, session: &Offered<'_>, envelope: &Envelope) -> Result<(), Unsupported> {
        let count = envelope.recipients.len();
        match (self.recipients_max, self.transactions_max) {
            (Some(limit), _) if count as u64 > limit => Err(Unsupported::Recipients { count, limit }),
            (_, Some(limit)) if session.transactions >= limit => Err(Unsupported::Transactions { limit }),
            _ => Ok(()),
        }
    }

    fn check_size(&self, octets: u64) -> Result<(), Unsupported> {
        match self.size.and_then(SizeLimit::octets) {
            Some(limit) if octets > limit => Err(Unsupported::Size { octets, limit }),
            _ => Ok(()),
        }
    }
}

fn is_ascii(envelope: &Envelope) -> bool {
    let has_ascii_sender = envelope.reverse_path.as_ref().is_ascii();
    has_ascii_sender && envelope.recipients.iter().all(|recipient| recipient.path.as_ref().is_ascii())
}

/// What of the session a transaction is checked against.
pub(super) struct Offered<'a> {
    pub(super) ehlo: Option<&'a EhloReply>,
    pub(super) encrypted: bool,
    pub(super) transactions: u64,
}

impl Offered<'_> {
    fn need(&self, keyword: Keyword, needed_for: &str) -> Result<(), Unsupported> {
        if self.ehlo.is_some_and(|ehlo| ehlo.as_ref().has(keyword)) {
            return Ok(());
        }
        Err(Unsupported::Extension { keyword: keyword.as_str(), needed_for: needed_for.to_string() })
    }

    /// A parameter that no row knows is the caller's business.
    fn check_parameter(&self, parameter: Parameter<'_>) -> Result<(), Unsupported> {
        let keyword = if parameter.keyword().eq_ignore_ascii_case("BODY") {
            match parameter.value() {
                Some(value) if value.eq_ignore_ascii_case("BINARYMIME") => Keyword::BinaryMime,
                _ => Keyword::EightBitMime,
            }
        } else {
            let is_row = |row: &&(&str, Keyword)| parameter.keyword().eq_ignore_ascii_case(row.0);
            let Some((_, keyword)) = PARAMETERS.iter().find(is_row) else { return Ok(()) };
            *keyword
        };
        self.need(keyword, parameter.keyword())
    }
}

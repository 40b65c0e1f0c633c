//! The rules for the parameters of MAIL and RCPT (RFC 5321 §4.1.1.11): only those of an offered extension are taken,
//! and each keeps to the rule of its own RFC.

use smtpkit_codec::{Body, Mail, Rcpt, Reply};

use super::config::Authentication;
use super::extensions::Extensions;
use super::machine::Server;
use super::refusals;

impl Server {
    pub(super) fn check_mail(&self, mail: &Mail<'_>) -> Result<(), Reply> {
        let parameters = &mail.parameters;
        for parameter in parameters.iter() {
            self.offers(extension(&MAIL, parameter.keyword()))?;
        }
        if parameters.body() == Some(Body::BinaryMime) {
            self.offers(Some(Requirement::Extension(Extensions::BINARYMIME.with(Extensions::CHUNKING))))?;
        }
        if parameters.requiretls() && !self.channel.is_tls() {
            return Err(refusals::REQUIRETLS_PLAINTEXT);
        }
        // RFC 1870 §6.1: refused before the content is sent.
        if parameters.size().is_some_and(|size| size > self.config.limits.message_octets_max) {
            return Err(refusals::TOO_BIG);
        }
        let is_ascii = mail.reverse_path.mailbox().is_none_or(|mailbox| mailbox.is_ascii());
        if is_ascii || parameters.smtputf8() { Ok(()) } else { Err(refusals::NEEDS_SMTPUTF8) }
    }

    pub(super) fn check_rcpt(&self, rcpt: &Rcpt<'_>) -> Result<(), Reply> {
        for parameter in rcpt.parameters.iter() {
            self.offers(extension(&RCPT, parameter.keyword()))?;
        }
        let is_ascii = rcpt.forward_path.mailbox().is_none_or(|mailbox| mailbox.is_ascii());
        if is_ascii || self.reception.smtputf8 { Ok(()) } else { Err(refusals::NEEDS_SMTPUTF8) }
    }

    /// 555 unless it is offered; HELO knows no extension (RFC 5321 §4.1.1.11).
    fn offers(&self, requirement: Option<Requirement>) -> Result<(), Reply> {
        let is_offered = match requirement {
            Some(Requirement::Extension(extension)) => self.config.extensions.has(extension),
            Some(Requirement::Auth) => self.config.authentication != Authentication::Unavailable,
            None => false,
        };
        if self.is_extended && is_offered { Ok(()) } else { Err(refusals::NO_PARAMETER) }
    }
}

/// What has to be offered for a parameter to be taken.
#[derive(Clone, Copy)]
enum Requirement {
    Extension(Extensions),
    Auth,
}

const MAIL: [(&str, Requirement); 11] = [
    ("SIZE", Requirement::Extension(Extensions::SIZE)),
    ("BODY", Requirement::Extension(Extensions::EIGHT_BIT_MIME)),
    ("SMTPUTF8", Requirement::Extension(Extensions::SMTPUTF8)),
    ("RET", Requirement::Extension(Extensions::DSN)),
    ("ENVID", Requirement::Extension(Extensions::DSN)),
    ("AUTH", Requirement::Auth),
    ("REQUIRETLS", Requirement::Extension(Extensions::REQUIRETLS)),
    ("BY", Requirement::Extension(Extensions::DELIVERBY)),
    ("MT-PRIORITY", Requirement::Extension(Extensions::MT_PRIORITY)),
    ("HOLDFOR", Requirement::Extension(Extensions::FUTURERELEASE)),
    ("HOLDUNTIL", Requirement::Extension(Extensions::FUTURERELEASE)),
];

const RCPT: [(&str, Requirement); 3] = [
    ("NOTIFY", Requirement::Extension(Extensions::DSN)),
    ("ORCPT", Requirement::Extension(Extensions::DSN)),
    ("RRVS", Requirement::Extension(Extensions::RRVS)),
];

fn extension(table: &[(&str, Requirement)], keyword: &str) -> Option<Requirement> {
    table.iter().find(|(known, _)| known.eq_ignore_ascii_case(keyword)).map(|(_, requirement)| *requirement)
}

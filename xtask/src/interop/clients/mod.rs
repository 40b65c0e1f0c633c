//! Other people's clients: how each is told to deliver one message, and what it can do.
//!
//! Languages whose libraries are the client get a script, which takes the delivery as JSON; programs get a file with
//! their flags.

mod curl;
mod git;
mod msmtp;
mod s_nail;
mod scripts;
mod smtp_source;
mod swaks;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;

use crate::shell::Failed;

pub(super) use curl::CURL;
pub(super) use git::GIT;
pub(super) use msmtp::MSMTP;
pub(super) use s_nail::S_NAIL;
pub(super) use scripts::{AIOSMTPLIB, GO, NODEMAILER, PERL, SMTPLIB};
pub(super) use smtp_source::SMTP_SOURCE;
pub(super) use swaks::SWAKS;

/// Every client.
pub(super) const ALL: [&Client; 11] =
    [&SMTPLIB, &AIOSMTPLIB, &CURL, &SWAKS, &MSMTP, &S_NAIL, &GIT, &NODEMAILER, &PERL, &GO, &SMTP_SOURCE];

/// How a client connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    Plain,
    Starttls,
    Implicit,
}

impl Mode {
    const ALL: &[Self] = &[Self::Plain, Self::Starttls, Self::Implicit];

    /// The listener of `serve` that expects it.
    pub(super) const fn scheme(self) -> &'static str {
        match self {
            Self::Plain => "mx",
            Self::Starttls => "submission",
            Self::Implicit => "submissions",
        }
    }
}

/// Which recipients a client can name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Addresses {
    Ascii,
    /// RFC 6531
    Utf8,
}

/// What is left of the content when a client has sent it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    /// Every octet.
    All,
    /// Every octet, and an empty line behind them.
    AllAndEmptyLine,
    /// The text of the body: header and transfer encoding are the client's own.
    Body,
}

/// A client.
pub(super) struct Client {
    pub(super) name: &'static str,
    /// The command that delivers one message.
    pub(super) command: fn(&Delivery<'_>) -> Result<Command, Failed>,
    pub(super) modes: &'static [Mode],
    pub(super) addresses: Addresses,
    pub(super) keeps: Keeps,
}

/// What a client needs to know for one delivery.
#[derive(Serialize)]
pub(super) struct Delivery<'a> {
    pub(super) mode: Mode,
    pub(super) port: u16,
    /// The CA to trust.
    pub(super) trust: &'a Path,
    pub(super) content: &'a Path,
    /// Logs in, if there is one.
    pub(super) mechanism: Option<&'a str>,
    /// The name to log in with, and the reverse-path.
    pub(super) user: &'a str,
    pub(super) secret: &'a str,
    pub(super) recipients: &'a [String],
}

impl Delivery<'_> {
    /// Writes the content with local line ends beside the original, for clients that send CRLF by themselves.
    fn with_local_line_ends(&self) -> Result<PathBuf, Failed> {
        let mut content = std::fs::read(self.content)?;
        content.retain(|octet| *octet != b'\r');
        let file = self.content.with_extension("lf");
        std::fs::write(&file, content)?;
        Ok(file)
    }
}

//! How the program ends: the exit codes of BSD's sysexits, and an error that carries one.

use std::fmt;
use std::process::ExitCode;

/// Why the program ends, as scripts see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Everyone accepted, everything done.
    Ok = 0,
    /// The command line cannot be used.
    Usage = 64,
    /// The message itself is bad.
    Data = 65,
    /// An input file cannot be read.
    NoInput = 66,
    /// Every recipient was refused.
    NoUser = 67,
    /// The host is unknown.
    NoHost = 68,
    /// Refused for good.
    Unavailable = 69,
    /// Reading or writing failed.
    Io = 74,
    /// Refused for now, timed out, or the outcome is unknown: trying again can help.
    Temporary = 75,
    /// The peer does not speak the protocol.
    Protocol = 76,
    /// Not authenticated, or the peer's certificate cannot be trusted.
    NoPermission = 77,
    /// The configuration is wrong.
    Config = 78,
    /// Some recipients accepted, some not.
    Partial = 79,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error for the person at the terminal, with the code that the program ends with.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string() }
    }

    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

//! `smtpkit account`: hashes for accounts, so that no file needs to hold a password.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use smtpkit_auth::Secret;
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::serve::storable;

/// The longest password that is read, in octets.
const PASSWORD_OCTETS_MAX: u64 = 4096;

/// What to do about accounts.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum AccountCommand {
    /// Ask for a password and write its argon2id hash and SCRAM keys
    ///
    /// The line goes into a user file behind `ADDRESS:`, or into `password_hash` of the configuration. Standard input
    /// that is no terminal is read up to its first line end.
    #[command(after_help = "Example:\n  echo \"alice@example.test:$(smtpkit account hash)\" >> users")]
    Hash,
}

/// Runs `smtpkit account`.
pub(crate) fn run(command: &AccountCommand) -> Result<(), Failure> {
    match command {
        AccountCommand::Hash => hash(),
    }
}

fn hash() -> Result<(), Failure> {
    let password =
        ask().map_err(|error| Failure::new(Exit::Io, format!("no password could be read: {error}")))?;
    if password.is_empty() {
        return Err(Failure::new(Exit::Data, "an empty password protects nothing; type one"));
    }
    let stored = storable(&Secret::from(password.as_str()))
        .map_err(|error| Failure::new(Exit::Data, format!("this password cannot be used: {error}")))?;
    writeln!(io::stdout(), "{stored}").map_err(|error| Failure::new(Exit::Io, error))
}

fn ask() -> io::Result<Zeroizing<String>> {
    if !io::stdin().is_terminal() {
        let mut text = Zeroizing::new(String::new());
        io::stdin().take(PASSWORD_OCTETS_MAX).read_to_string(&mut text)?;
        return Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()));
    }
    let first = Zeroizing::new(rpassword::prompt_password("Password: ")?);
    let again = Zeroizing::new(rpassword::prompt_password("Again: ")?);
    if *first != *again {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the two passwords differ; start again"));
    }
    Ok(first)
}

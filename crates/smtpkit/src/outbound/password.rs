//! Where the password or the token comes from: never from the command line.

use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use smtpkit_auth::{AccessToken, Credentials, Mechanism, Secret, TokenError, TokenFuture, TokenSource};
use zeroize::Zeroizing;

use super::ServerArgs;
use crate::exit::{Exit, Failure};

/// The longest password or token that is read, in octets.
const SECRET_OCTETS_MAX: u64 = 64 * 1024;
const VARIABLE: &str = "SMTPKIT_PASSWORD";
/// Tells a token command that its last token was refused.
const TOKEN_REFUSED: &str = "SMTPKIT_TOKEN_REFUSED";

/// How a session logs in.
#[derive(Clone)]
pub(crate) enum Login {
    /// Not at all.
    Nobody,
    As(Credentials),
    /// With access tokens that a command prints.
    WithTokens {
        user: String,
        command: String,
    },
}

/// The login for `user`; none without a user, unless a mechanism was asked for that needs none.
pub(crate) fn login(args: &ServerArgs, user: Option<&str>) -> Result<Login, Failure> {
    if let Some(credentials) = without_secret(args, user) {
        return Ok(Login::As(credentials));
    }
    let given = args.password_file.is_some()
        || args.password_stdin
        || args.password_cmd.is_some()
        || args.token_cmd.is_some();
    let Some(user) = user else {
        return if given {
            Err(Failure::new(Exit::Usage, "a password without a user; name one with --user or in the URL"))
        } else {
            Ok(Login::Nobody)
        };
    };
    if let Some(command) = &args.token_cmd {
        return Ok(Login::WithTokens { user: user.to_owned(), command: command.clone() });
    }
    Ok(Login::As(Credentials::password(user, password(args, user)?)))
}

/// The command that prints access tokens. From the second time on it is told that its last token was refused, so that it
/// does not hand it out again.
pub(crate) struct TokenCommand {
    command: String,
    was_asked: AtomicBool,
}

impl TokenCommand {
    pub(crate) const fn new(command: String) -> Self {
        Self { command, was_asked: AtomicBool::new(false) }
    }
}

impl TokenSource for TokenCommand {
    fn fetch(&self) -> TokenFuture<'_> {
        let command = self.command.clone();
        let is_again = self.was_asked.swap(true, Ordering::Relaxed);
        let run = move || {
            let variables: &[(&str, &str)] = if is_again { &[(TOKEN_REFUSED, "1")] } else { &[] };
            from_command(&command, "--token-cmd", variables)
        };
        Box::pin(async {
            let printed = tokio::task::spawn_blocking(run).await;
            let printed = printed.map_err(|error| TokenError::temporary(error.to_string()))?;
            printed.map(AccessToken::new).map_err(|failure| TokenError::permanent(failure.to_string()))
        })
    }
}

/// Credentials for mechanisms that know no secret of ours: the certificate of the handshake, or nobody at all.
fn without_secret(args: &ServerArgs, user: Option<&str>) -> Option<Credentials> {
    let [mechanism] = args.auth.as_slice() else { return None };
    match Mechanism::parse(mechanism).ok()? {
        mechanism if mechanism == Mechanism::EXTERNAL => {
            let credentials = Credentials::external();
            Some(match user {
                Some(user) => credentials.acting_as(user),
                None => credentials,
            })
        }
        mechanism if mechanism == Mechanism::ANONYMOUS => {
            Some(Credentials::anonymous(user.unwrap_or_default()))
        }
        _ => None,
    }
}

fn password(args: &ServerArgs, user: &str) -> Result<Secret, Failure> {
    if let Some(path) = &args.password_file {
        return from_file(path);
    }
    if args.password_stdin {
        let line = first_line(io::stdin().lock()).map_err(|error| unreadable("standard input", &error))?;
        return filled(&line, "standard input");
    }
    if let Some(command) = &args.password_cmd {
        return from_command(command, "--password-cmd", &[]);
    }
    if let Some(value) = std::env::var_os(VARIABLE) {
        let text = value
            .into_string()
            .map_err(|_| Failure::new(Exit::Usage, format!("{VARIABLE} is not UTF-8 text")))?;
        return filled(&Zeroizing::new(text), VARIABLE);
    }
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
        let typed = rpassword::prompt_password(format!("Password for {user}: "))
            .map_err(|error| unreadable("the terminal", &error))?;
        return filled(&Zeroizing::new(typed), "the terminal");
    }
    Err(Failure::new(
        Exit::Usage,
        format!(
            "no password for {user}; give it with --password-file, --password-stdin, --password-cmd or {VARIABLE}"
        ),
    ))
}

fn from_file(path: &Path) -> Result<Secret, Failure> {
    let name = path.display().to_string();
    let file = fs::File::open(path).map_err(|error| unreadable(&name, &error))?;
    let line = first_line(io::BufReader::new(file)).map_err(|error| unreadable(&name, &error))?;
    filled(&line, &name)
}

fn from_command(command: &str, flag: &str, variables: &[(&str, &str)]) -> Result<Secret, Failure> {
    let output = Command::new("sh")
        .args(["-c", command])
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| unreadable(flag, &error))?;
    let printed = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(Failure::new(Exit::Config, format!("{flag}: the command failed ({})", output.status)));
    }
    let line = first_line(printed.as_slice()).map_err(|error| unreadable(flag, &error))?;
    filled(&line, flag)
}

fn first_line(input: impl io::BufRead) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    input.take(SECRET_OCTETS_MAX).read_line(&mut line)?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn filled(text: &str, source: &str) -> Result<Secret, Failure> {
    if text.is_empty() {
        return Err(Failure::new(
            Exit::Config,
            format!("{source}: the first line is empty; put the password there"),
        ));
    }
    Ok(Secret::from(text))
}

fn unreadable(source: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Io, format!("{source}: {error}"))
}

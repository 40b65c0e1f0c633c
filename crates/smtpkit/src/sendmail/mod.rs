//! The sendmail personality: what programs call that were written for `/usr/sbin/sendmail`.
//!
//! It takes over when the program is called by that name, as `smtpkit sendmail` or with `--sendmail` first. A message
//! comes from standard input and goes to one server, which is named in the environment or in a small file. There is no
//! queue here: the server takes the message or the caller learns that it did not.
//!
//! | file | what it decides |
//! |---|---|
//! | `arguments` | the old flags |
//! | `config` | which server, and how names without a domain are completed |
//! | `submit` | one message from standard input |
//! | `dialogue` | `-bs`: SMTP on standard input and output |

mod arguments;
mod config;
mod dialogue;
mod submit;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use smtpkit_client::{Builder, Client, Delivery};

use crate::exit::{Exit, Failure};
use crate::outbound::{self, Target};
use crate::report;
use arguments::{Arguments, Mode};
use config::Config;

/// What `smtpkit sendmail --help` says.
pub(crate) const HELP: &str = "\
Hand a message from standard input to a server, as /usr/sbin/sendmail does

Usage: sendmail [FLAGS] [RECIPIENT]...

The server:
  SMTPKIT_URL=smtp://user@mail.example.test in the environment, or in /etc/smtpkit/sendmail.toml
  (SMTPKIT_CONFIG or -C names another file):
    server = \"smtp://user@mail.example.test\"   # as smtpkit send takes it
    password_file = \"/etc/smtpkit/password\"    # or password_command; or SMTPKIT_PASSWORD
    ca = \"/etc/smtpkit/ca.pem\"                 # trust these certificates, too
    domain = \"example.test\"                    # for names without one [default: the host's name]
    from = \"host@example.test\"                 # the reverse-path [default: the user at that domain]

Flags:
  -t           recipients from To, Cc and Bcc as well; Bcc never leaves
  -i, -oi      a line with a single dot does not end the message
  -f, -r ADDR  the reverse-path; `<>` for none
  -F NAME      the author's name, where the message has no From field
  -N EVENTS    delivery status notifications: never, or of success, failure, delay
  -R, -V       how much of the message a notification returns: full or hdrs; an envelope identifier
  -C FILE      this configuration file
  -v           show the dialogue, without secrets
  -bm          take a message from standard input: the default
  -bs          speak SMTP on standard input and output
  -B -G -h -L -m -n -o* -O* -p -U -X -A* -d* -e* -q*  are taken and have no effect

Recipients are all accepted or the message is not sent. Exit codes follow sysexits: 0 sent, 64 usage,
65 bad message, 67 a recipient refused, 68 host unknown, 69 refused, 74 I/O, 75 try again,
76 protocol, 77 AUTH or TLS verification, 78 configuration";

/// Whether the program was called by a name of this personality, and with which arguments.
pub(crate) fn arguments(mut argv: impl Iterator<Item = OsString>) -> Option<Vec<OsString>> {
    let name = argv.next()?;
    let is_named = Path::new(&name).file_name().is_some_and(|name| name == "sendmail");
    let mut rest: Vec<OsString> = argv.collect();
    if !is_named {
        if !rest.first().is_some_and(|first| first == "sendmail" || first == "--sendmail") {
            return None;
        }
        rest.remove(0);
    }
    Some(rest)
}

/// Runs it.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    match Arguments::parse(arguments).and_then(act) {
        Ok(exit) => exit.into(),
        Err(failure) => report(&failure),
    }
}

fn act(arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.mode {
        Mode::Help => {
            use std::io::Write as _;
            writeln!(std::io::stdout(), "{HELP}").map_err(|error| Failure::new(Exit::Io, error))?;
            Ok(Exit::Ok)
        }
        // there is no queue to run and no alias file to compile
        Mode::Nothing => Ok(Exit::Ok),
        Mode::Queue => Err(Failure::new(
            Exit::Unavailable,
            "there is no queue here, the server has it; see `smtpkit queue list`",
        )),
        Mode::Submit => submit::run(&arguments, &Config::read(&arguments)?),
        Mode::Dialogue => dialogue::run(&Config::read(&arguments)?),
    }
}

/// A client for the configured server. A caller that is told of a failure sends all of it again, so nobody gets the
/// message unless everybody does.
async fn client(config: &Config) -> Result<Client, Failure> {
    let target = Target::read(&config.server, std::slice::from_ref(&config.url))?;
    let login = outbound::login(&config.server, target.user.as_deref())?;
    let options = |builder: Builder| builder.delivery(Delivery::AllOrNothing);
    outbound::reach(&config.server, &target, login, options).await
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Io, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_personality_has_three_names() {
        let check = |argv: &[&str], expected: Option<&[&str]>| {
            let taken = arguments(argv.iter().map(OsString::from));
            let expected = expected.map(|rest| rest.iter().map(OsString::from).collect::<Vec<_>>());
            assert_eq!(taken, expected, "{argv:?}");
        };
        check(&["/usr/sbin/sendmail", "-t"], Some(&["-t"]));
        check(&["smtpkit", "sendmail", "-t"], Some(&["-t"]));
        check(&["smtpkit", "--sendmail"], Some(&[]));
        check(&["smtpkit", "send", "sendmail"], None);
        check(&["smtpkit"], None);
    }
}

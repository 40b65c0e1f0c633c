//! `smtpkit check`: what a server offers, whether its certificate holds, how fast it answers, and whether it relays for
//! strangers.
//!
//! | file | what it decides |
//! |---|---|
//! | `findings` | what was seen of the server, as a table and as JSON |
//! | `certificate` | what a certificate says, and what is wrong with it |
//! | `relay` | the addresses by which relays are abused, each tried with MAIL and RCPT, never with content |

mod certificate;
mod findings;
mod relay;

use std::io::Write as _;
use std::process::ExitCode;

use smtpkit_client::{CheckStep, Client, ErrorKind, Protocol, ServerUrl};
use smtpkit_codec::Keyword;
use smtpkit_tls::{self as tls, Policy};

use crate::exit::{Exit, Failure};
use crate::outbound::{self, Login, ServerArgs, Target};
use crate::report;
use findings::Findings;

/// Which server is looked at, and how closely.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_LONG_HELP)]
pub(crate) struct CheckArgs {
    /// The server as a URL, or its name alone for port 25; `relay` before it makes only the relay test
    #[arg(value_name = "URL|HOST", num_args = 0..=2)]
    positional: Vec<String>,

    /// Leave out the relay test
    #[arg(long)]
    no_relay: bool,

    /// Print the findings as one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArgs,
}

const AFTER_LONG_HELP: &str = "\
Examples:
  smtpkit check mx.example.test
      the server on port 25, with TLS if it has it
  smtpkit check smtps://me@mail.example.test --password-file pw
      with a login
  smtpkit check relay mx.example.test
      does it pass on strangers' mail? tries addresses such as user%elsewhere@host, host!user,
      \"user@elsewhere\"@host, @host:user@elsewhere and user@[192.0.2.1]
  smtpkit check smtp://127.0.0.1:2525?tls=off --json

The relay test asks with MAIL and RCPT, takes it back with RSET, and never sends content. It runs
without a login and tells what the server grants to the address that this machine comes from: from
inside a trusted network, relaying is no fault.

Exit codes:
  0 fine, 69 relays for strangers or refuses us for good, 64 usage, 68 host unknown,
  75 cannot be reached or try again, 76 protocol, 77 AUTH or TLS verification, 78 configuration";

/// Which part of the check is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    All,
    WithoutRelay,
    RelayAlone,
}

/// Runs `smtpkit check`.
pub(crate) fn run(args: &CheckArgs) -> ExitCode {
    match check(args) {
        Ok(exit) => exit.into(),
        Err(failure) => report(&failure),
    }
}

fn check(args: &CheckArgs) -> Result<Exit, Failure> {
    let (scope, target) = target(args)?;
    let login = outbound::login(&args.server, target.user.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Io, error))?;
    let findings = runtime.block_on(examine(args, &target, scope, login))?;
    let mut output = std::io::stdout().lock();
    let written = if args.json {
        writeln!(output, "{}", findings.json())
    } else {
        output.write_all(findings.table(scope != Scope::RelayAlone).as_bytes())
    };
    written.map_err(|error| Failure::new(Exit::Io, error))?;
    Ok(findings.exit())
}

/// The scope and the server. A name alone is a relay's, on the port where relays listen.
fn target(args: &CheckArgs) -> Result<(Scope, Target), Failure> {
    let is_relay = args.positional.first().is_some_and(|word| word == "relay");
    let scope = match (is_relay, args.no_relay) {
        (true, true) => {
            let why = "`relay` and --no-relay exclude each other";
            return Err(Failure::new(Exit::Usage, why));
        }
        (true, false) => Scope::RelayAlone,
        (false, true) => Scope::WithoutRelay,
        (false, false) => Scope::All,
    };
    let mut positional: Vec<String> = args.positional.iter().skip(usize::from(is_relay)).cloned().collect();
    if let Some(name) = positional.first_mut().filter(|_| args.server.host.is_none())
        && !name.contains("://")
        && !name.starts_with("lmtp+unix:")
    {
        let is_address =
            name.contains(':') && !name.starts_with('[') && name.parse::<std::net::Ipv6Addr>().is_ok();
        let host = if is_address { format!("[{name}]") } else { name.clone() };
        let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
        let port = if has_port { "" } else { ":25" };
        *name = format!("smtp://{host}{port}?tls=opportunistic");
    }
    let target = Target::read(&args.server, &positional)?;
    match target.rest.first() {
        None => Ok((scope, target)),
        Some(extra) => Err(Failure::new(
            Exit::Usage,
            format!("`{extra}` is one argument too many; check takes one server"),
        )),
    }
}

async fn examine(args: &CheckArgs, target: &Target, scope: Scope, login: Login) -> Result<Findings, Failure> {
    let client = outbound::reach(&args.server, target, login.clone(), |builder| builder).await?;
    let url = client.url().clone();
    let is_opportunistic = url.tls() == Policy::Opportunistic;
    let mut findings = Findings::new(&url);
    if scope != Scope::RelayAlone {
        let strict = match strict_url(&client).await {
            Some(url) => outbound::builder(&args.server, url, login)?
                .build()
                .map_err(|error| Failure::new(Exit::Config, error))?,
            None => client,
        };
        match strict.check().await {
            Ok(session) => findings.saw(session),
            Err(error) => {
                let is_distrusted = matches!(error.kind(), ErrorKind::Tls(tls::ErrorKind::Certificate));
                if is_distrusted {
                    look_closer(args, strict.url(), &mut findings).await?;
                }
                if !is_distrusted || !is_opportunistic {
                    findings.failed(&error);
                    return Ok(findings);
                }
                findings.warn(error.to_string());
            }
        }
    }
    if scope != Scope::WithoutRelay && url.protocol() == Protocol::Smtp {
        // a login proves nothing about strangers; and whoever takes plaintext takes any certificate
        let connector = if is_opportunistic { credulous()? } else { outbound::connector(&args.server)? };
        match relay::probe(&anonymous(args, &url, connector)?, &mut findings).await {
            Ok(probes) => findings.relay = Some(probes),
            Err(error) => findings.failed(&error),
        }
    }
    Ok(findings)
}

/// The same server with TLS required, where TLS is a matter of taste and the server offers it: opportunistic TLS hides
/// what is wrong with it.
async fn strict_url(client: &Client) -> Option<ServerUrl> {
    let url = client.url();
    if url.tls() != Policy::Opportunistic {
        return None;
    }
    let session = client.check_until(CheckStep::Hello).await.ok()?;
    let is_offered = session.ehlo()?.as_ref().has(Keyword::StartTls);
    let port = url.port().filter(|_| is_offered)?;
    Some(url.clone().with_tls(Policy::Required).with_port(port))
}

/// A certificate that does not hold is shown all the same: on a connection that believes anything and says no secret.
async fn look_closer(args: &CheckArgs, url: &ServerUrl, findings: &mut Findings) -> Result<(), Failure> {
    // what it does not tell now is no further fault
    if let Ok(session) = anonymous(args, url, credulous()?)?.check().await {
        findings.saw(session);
    }
    Ok(())
}

fn credulous() -> Result<tls::Connector, Failure> {
    tls::Connector::builder()
        .dangerously_accept_any_certificate()
        .build()
        .map_err(|error| Failure::new(Exit::Config, error))
}

/// A client that nobody is logged in with.
fn anonymous(args: &CheckArgs, url: &ServerUrl, connector: tls::Connector) -> Result<Client, Failure> {
    outbound::builder(&args.server, url.clone().without_user(), Login::Nobody)?
        .tls(connector)
        .build()
        .map_err(|error| Failure::new(Exit::Config, error))
}

//! From flags to a client, on the first port that answers.

use std::io::Write as _;
use std::time::Duration;

use smtpkit_auth::Mechanism;
use smtpkit_client::{
    AddressFamily, Builder, CheckStep, Client, ErrorKind, PasswordInClear, SendError, ServerUrl, Stage,
};
use smtpkit_tls as tls;

use super::password::TokenCommand;
use super::{Login, ServerArgs, Target, exit_of, transcript};
use crate::exit::{Exit, Failure};

/// How long one of several ports gets to answer.
const FALLBACK_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client for the target. `options` is what the subcommand wants of it besides the flags of all.
///
/// Nothing is opened, unless there is more than one port to choose from.
pub(crate) async fn reach(
    args: &ServerArgs,
    target: &Target,
    login: Login,
    options: impl Fn(Builder) -> Builder,
) -> Result<Client, Failure> {
    let client_of = |url: &ServerUrl| {
        options(builder(args, url.clone(), login.clone())?)
            .build()
            .map_err(|error| Failure::new(Exit::Config, error))
    };
    if target.fallbacks.is_empty() {
        return client_of(&target.url);
    }
    first_that_answers(target, client_of).await
}

/// Everything of the flags that concerns the connection.
pub(crate) fn builder(args: &ServerArgs, url: ServerUrl, login: Login) -> Result<Builder, Failure> {
    let builder = Client::builder(url).tls(connector(args)?);
    let mut builder = match login {
        Login::Nobody => builder,
        Login::As(credentials) => builder.credentials(credentials),
        Login::WithTokens { user, command } => builder.token_source(user, TokenCommand::new(command)),
    };
    if !args.auth.is_empty() {
        builder = builder.mechanisms(mechanisms(&args.auth)?);
    }
    if args.allow_cleartext_password {
        builder = builder.password_in_clear(PasswordInClear::Allowed);
    }
    if let Some(name) = &args.helo {
        builder = builder.hello_name(name);
    }
    if let Some(address) = args.bind {
        builder = builder.local_address(address);
    }
    if let Some(proxy) = &args.proxy {
        builder = builder.proxy(proxy.proxy()?);
    }
    match (args.ipv4, args.ipv6) {
        (true, _) => builder = builder.address_family(AddressFamily::V4),
        (_, true) => builder = builder.address_family(AddressFamily::V6),
        _ => {}
    }
    match (args.connect_timeout, args.port.len()) {
        (Some(limit), _) => builder = builder.connect_timeout(limit),
        (None, 0 | 1) => {}
        (None, _) => builder = builder.connect_timeout(FALLBACK_CONNECT_TIMEOUT),
    }
    if let Some(limit) = args.timeout {
        builder = builder.send_timeout(limit);
    }
    if args.verbose {
        builder = builder.observer(transcript::show);
    }
    Ok(builder)
}

/// TLS as the flags say.
pub(crate) fn connector(args: &ServerArgs) -> Result<tls::Connector, Failure> {
    let mut builder = tls::Connector::builder();
    if let Some(path) = &args.ca {
        let anchors = tls::Anchors::from_pem_file(path).map_err(|error| Failure::new(Exit::Config, error))?;
        builder = builder.roots(tls::Roots::PlatformAnd(anchors));
    }
    if let (Some(certificate), Some(key)) = (&args.certificate, &args.key) {
        let identity = tls::Identity::from_pem_files(certificate, key)
            .map_err(|error| Failure::new(Exit::Config, error))?;
        builder = builder.client_identity(identity);
    }
    builder = args.pin.iter().fold(builder, |builder, pin| builder.pin(*pin));
    if args.insecure {
        builder = builder.dangerously_accept_any_certificate();
    }
    builder.build().map_err(|error| Failure::new(Exit::Config, error))
}

fn mechanisms(names: &[String]) -> Result<Vec<Mechanism>, Failure> {
    let parse = |name: &String| {
        Mechanism::parse(name).map_err(|error| Failure::new(Exit::Usage, format!("--auth {name}: {error}")))
    };
    names.iter().map(parse).collect()
}

/// Tries one port after the other, and says so.
async fn first_that_answers(
    target: &Target,
    client_of: impl Fn(&ServerUrl) -> Result<Client, Failure>,
) -> Result<Client, Failure> {
    let mut failed: Option<SendError> = None;
    for url in std::iter::once(&target.url).chain(&target.fallbacks) {
        let client = client_of(url)?;
        // no further: who logs in here would do so once more to send
        match client.check_until(CheckStep::Connect).await {
            Err(error) if is_out_of_reach(&error) => {
                say(&format!("smtpkit: {url} cannot be reached: {error}"));
                failed = Some(error);
            }
            // no port helps: the work itself tells
            Err(_) => return Ok(client),
            Ok(_) => {
                say(&format!("smtpkit: {url} can be reached and is used"));
                return Ok(client);
            }
        }
    }
    let exit = failed.as_ref().map_or(Exit::Temporary, exit_of);
    Err(Failure::new(
        exit,
        "no port can be reached; does a firewall or the provider block them? name others with --port",
    ))
}

/// Whether no connection came about, as where a provider blocks a port.
fn is_out_of_reach(error: &SendError) -> bool {
    matches!(error.kind(), ErrorKind::Connect | ErrorKind::Timeout)
        && matches!(error.stage(), Stage::Connect | Stage::Proxy)
}

/// A line on standard error; nobody reading it is no reason for another exit code.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

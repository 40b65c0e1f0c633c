//! Which server, as whom, under which TLS policy: a URL, or the four words of every settings page.

use smtpkit_client::ServerUrl;
use smtpkit_tls::Policy;

use super::ServerArgs;
use crate::exit::{Exit, Failure};

/// The port that means TLS from the first octet (RFC 8314 §3.3).
const IMPLICIT_TLS_PORT: u16 = 465;

/// The server of a subcommand, and what else the positional arguments named.
#[derive(Debug)]
pub(crate) struct Target {
    /// The first one to try.
    pub(crate) url: ServerUrl,
    /// The same server on other ports, to be tried in this order.
    pub(crate) fallbacks: Vec<ServerUrl>,
    pub(crate) user: Option<String>,
    pub(crate) rest: Vec<String>,
}

impl Target {
    /// Takes the URL from --host, else from the first positional argument.
    pub(crate) fn read(args: &ServerArgs, positional: &[String]) -> Result<Self, Failure> {
        let (text, rest) = match (&args.host, positional.split_first()) {
            (Some(host), _) => (url_of(host, args), positional),
            (None, Some((url, rest))) => (url.clone(), rest),
            (None, None) => {
                return Err(Failure::new(
                    Exit::Usage,
                    "no server; name one as smtp://host, or with --host (see --help)",
                ));
            }
        };
        let mut url: ServerUrl = text.parse().map_err(|error| Failure::new(Exit::Usage, error))?;
        if let Some(policy) = args.tls {
            url = url.with_tls(policy);
        }
        let user = args.user.clone().or_else(|| url.user().map(str::to_owned));
        let mut urls = args.port.iter().map(|&port| on_port(&url, port, args));
        let (url, fallbacks) = match urls.next() {
            Some(first) => (first, urls.collect()),
            None => (url, Vec::new()),
        };
        Ok(Self { url, fallbacks, user, rest: rest.to_vec() })
    }
}

/// The same server on another port. Where several are listed, the one for implicit TLS says so by its number.
fn on_port(url: &ServerUrl, port: u16, args: &ServerArgs) -> ServerUrl {
    let url = url.clone().with_port(port);
    let is_implicit = port == IMPLICIT_TLS_PORT && args.tls.is_none() && url.tls() == Policy::Required;
    if is_implicit { url.with_tls(Policy::Implicit) } else { url }
}

fn url_of(host: &str, args: &ServerArgs) -> String {
    let scheme = if args.tls == Some(Policy::Implicit) { "smtps" } else { "smtp" };
    // an IPv6 address needs brackets before a port
    let host =
        if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
    format!("{scheme}://{host}")
}

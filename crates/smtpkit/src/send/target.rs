//! Which server, as whom, under which TLS policy: a URL, or the four words of every settings page.

use smtpkit_client::ServerUrl;
use smtpkit_tls::Policy;

use super::args::SendArgs;
use crate::exit::{Exit, Failure};

/// The server of a send, and what else the positional arguments named.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) url: ServerUrl,
    pub(crate) user: Option<String>,
    pub(crate) file: Option<String>,
}

impl Target {
    pub(crate) fn read(args: &SendArgs) -> Result<Self, Failure> {
        let mut positional = args.positional.iter();
        let text = match &args.host {
            Some(host) => url_of(host, args),
            None => positional.next().cloned().ok_or_else(|| {
                Failure::new(
                    Exit::Usage,
                    "no server; name one as smtp://host, or with --host (see `smtpkit send --help`)",
                )
            })?,
        };
        let file = positional.next().cloned();
        if let Some(extra) = positional.next() {
            return Err(Failure::new(
                Exit::Usage,
                format!("`{extra}` is one argument too many; send takes one file"),
            ));
        }
        let mut url: ServerUrl = text.parse().map_err(|error| Failure::new(Exit::Usage, error))?;
        if let Some(policy) = args.tls {
            url = url.with_tls(policy);
        }
        let user = args.user.clone().or_else(|| url.user().map(str::to_owned));
        Ok(Self { url, user, file })
    }
}

fn url_of(host: &str, args: &SendArgs) -> String {
    let scheme = if args.tls == Some(Policy::Implicit) { "smtps" } else { "smtp" };
    // an IPv6 address needs brackets before a port
    let host =
        if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
    let port = args.port.map_or_else(String::new, |port| format!(":{port}"));
    format!("{scheme}://{host}{port}")
}

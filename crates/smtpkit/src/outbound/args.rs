//! How to reach a server and who to be there: the flags that every subcommand which connects has in common.

use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use smtpkit_auth::Secret;
use smtpkit_client::Proxy;
use smtpkit_tls::{Pin, Policy};

use crate::exit::{Exit, Failure};

/// The server, the way to it, TLS and login.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// The server's name or address, instead of a URL
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,

    /// The ports to try, in this order, until one can be reached; 465 means implicit TLS unless --tls says otherwise
    /// [default: the URL's; with --host 465 for --tls implicit, else 587]
    #[arg(long, value_name = "PORT", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Vec<u16>,

    /// TLS: require (STARTTLS), implicit, opportunistic or off [default: by the URL]
    #[arg(long, value_name = "POLICY", value_parser = parse_policy)]
    pub(crate) tls: Option<Policy>,

    /// Trust the certificates of this file, too
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// Accept any certificate: protects from nobody who can change the traffic
    #[arg(long)]
    pub(crate) insecure: bool,

    /// Show this client certificate (PEM) to the server, which asks for it
    #[arg(long = "cert", value_name = "FILE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,

    /// The private key of the client certificate
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,

    /// The server's key must be this one, too: SHA-256 of it as 64 hex digits or sha256//BASE64; repeatable
    #[arg(long, value_name = "HASH", value_parser = parse_pin)]
    pub(crate) pin: Vec<Pin>,

    /// The name to log in with [default: the one in the URL]
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,

    /// Read the password from the first line of FILE
    #[arg(long, value_name = "FILE", group = "password")]
    pub(crate) password_file: Option<PathBuf>,

    /// Read the password from the first line of standard input
    #[arg(long, group = "password")]
    pub(crate) password_stdin: bool,

    /// Run COMMAND with sh and read the password from its first line of output
    #[arg(long, value_name = "COMMAND", group = "password")]
    pub(crate) password_cmd: Option<String>,

    /// Run COMMAND with sh and log in with the OAuth access token that it prints; if the server refuses it, once more
    /// with SMTPKIT_TOKEN_REFUSED=1
    #[arg(long, value_name = "COMMAND", group = "password")]
    pub(crate) token_cmd: Option<String>,

    /// Only these SASL mechanisms, such as SCRAM-SHA-256,PLAIN; EXTERNAL alone logs in with --cert
    #[arg(long, value_name = "MECH", value_delimiter = ',')]
    pub(crate) auth: Vec<String>,

    /// Send a password over a connection without TLS
    #[arg(long)]
    pub(crate) allow_cleartext_password: bool,

    /// Greet with this name [default: the host's full name, or its address]
    #[arg(long, value_name = "NAME")]
    pub(crate) helo: Option<String>,

    /// Come from this address of this machine
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) bind: Option<IpAddr>,

    /// Go through a proxy: `socks5://[USER:PASSWORD@]HOST:PORT` or `http://[USER:PASSWORD@]HOST:PORT`
    #[arg(long, value_name = "URL", env = "SMTPKIT_PROXY", hide_env_values = true)]
    pub(crate) proxy: Option<ProxyUrl>,

    /// Use IPv4 alone
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,

    /// Use IPv6 alone
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,

    /// Give up connecting after this time [default: 30s, 10s if --port names several]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) connect_timeout: Option<Duration>,

    /// Give up after this time, such as 30s or 2m
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) timeout: Option<Duration>,

    /// Show the dialogue, without secrets
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// The URL of a proxy, unread: it may hold a password, which no message about a mistake may repeat.
#[derive(Clone)]
pub(crate) struct ProxyUrl(Secret);

impl ProxyUrl {
    pub(crate) fn proxy(&self) -> Result<Proxy, Failure> {
        let text = self.0.expose_str().unwrap_or_default();
        text.parse().map_err(|error| Failure::new(Exit::Usage, format!("--proxy: {error}")))
    }
}

impl FromStr for ProxyUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(Secret::from(text)))
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyUrl")
    }
}

fn parse_policy(text: &str) -> Result<Policy, String> {
    match text {
        // the words of other clients' settings pages
        "starttls" => Ok(Policy::Required),
        "none" => Ok(Policy::Off),
        other => other.parse().map_err(|_| "use require, implicit, opportunistic or off".to_owned()),
    }
}

fn parse_pin(text: &str) -> Result<Pin, String> {
    text.parse().map_err(|error: smtpkit_tls::InvalidPin| error.to_string())
}

/// A number with ms, s, m, h or d.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" | "" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("`{unit}` is no unit of time: use ms, s, m, h or d, such as 30s")),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(milliseconds))
        .map(Duration::from_millis)
        .ok_or_else(|| format!("`{text}` is no time; write it as 30s, 5m or 1h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("5"), Ok(Duration::from_secs(5)));
        assert_eq!(parse_duration("2d"), Ok(Duration::from_secs(172_800)));
        for wrong in ["", "s", "1w", "-1s", "1.5s", "99999999999999999999s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}

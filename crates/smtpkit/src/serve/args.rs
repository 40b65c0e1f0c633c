//! The flags of `smtpkit serve`.

use std::path::PathBuf;

/// Receive mail, deliver it to local mailboxes, relay the rest.
///
/// Without any flag it works at once: data in ./smtpkit-data, three listeners on loopback, a certificate of its own
/// and one account, whose password is shown once.
#[derive(Debug, Default, clap::Args)]
#[command(after_long_help = AFTER_LONG_HELP)]
pub(crate) struct ServeArgs {
    /// Read the configuration from FILE (TOML); flags go before what it says
    #[arg(long, value_name = "FILE", env = "SMTPKIT_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// Folder for mail, keys and accounts [default: ./smtpkit-data]
    #[arg(long, value_name = "DIR", env = "SMTPKIT_DATA")]
    pub(crate) data: Option<PathBuf>,

    /// The name this server greets with and puts into trace fields [default: the system's, if it has a full one]
    #[arg(long, value_name = "NAME", env = "SMTPKIT_HOSTNAME")]
    pub(crate) hostname: Option<String>,

    /// Take mail for this domain; repeatable [default: the domains of the accounts, or localhost]
    #[arg(long = "domain", value_name = "NAME")]
    pub(crate) domains: Vec<String>,

    /// An account; repeatable. Others on this machine can see it: prefer --user-file
    #[arg(long = "user", value_name = "ADDRESS:PASSWORD", value_parser = HiddenParser)]
    pub(crate) users: Vec<Hidden>,

    /// Accounts, one ADDRESS:PASSWORD-or-hash a line (`smtpkit account hash` makes the hashes)
    #[arg(long, value_name = "FILE")]
    pub(crate) user_file: Option<PathBuf>,

    /// Listen here; repeatable: mx://, submission://, submissions://, lmtp:// with IP:PORT (port 0 is allowed),
    /// lmtp+unix:/path, or mx+fd:NAME and the like for a socket that the service manager passes
    #[arg(long = "listen", value_name = "URL")]
    pub(crate) listen: Vec<String>,

    /// The certificate chain to show, leaf first; repeat it, and --key, for several names
    #[arg(long = "cert", value_name = "PEM", requires = "keys")]
    pub(crate) certificates: Vec<PathBuf>,

    /// The private key of the certificate
    #[arg(long = "key", value_name = "PEM", requires = "certificates", id = "keys")]
    pub(crate) keys: Vec<PathBuf>,

    /// The largest message taken [default: 52428800]
    #[arg(long, value_name = "OCTETS")]
    pub(crate) max_message_size: Option<u64>,

    /// This network may relay without AUTH on mx listeners; repeatable
    #[arg(long = "trusted", value_name = "NET")]
    pub(crate) trusted: Vec<String>,

    /// Send all mail for other domains to this server: smtps://user@host, smtp://host:25?tls=off
    /// [default: the MX hosts of each domain]
    #[arg(long, value_name = "URL")]
    pub(crate) smarthost: Option<String>,

    /// The password for the user that --smarthost names
    #[arg(long, value_name = "FILE")]
    pub(crate) smarthost_password_file: Option<PathBuf>,

    /// A CA that the smarthost's certificate may be from, beside those of the system
    #[arg(long, value_name = "PEM")]
    pub(crate) smarthost_ca: Option<PathBuf>,

    /// Ask this name server; repeatable [default: those of the system]
    #[arg(long = "dns", value_name = "ADDR")]
    pub(crate) dns: Vec<String>,

    /// The port that MX hosts listen on [default: 25]
    #[arg(long, value_name = "N")]
    pub(crate) mx_port: Option<u16>,

    /// Try again after these times, the last one over and over [default: 1m,5m,15m,1h,4h]
    #[arg(long = "retry", value_name = "LIST")]
    pub(crate) retry: Option<String>,

    /// Give up after this time and tell the sender [default: 5d]
    #[arg(long, value_name = "TIME")]
    pub(crate) give_up: Option<String>,

    /// Tell the sender of a delay after this time, or `never` [default: 4h]
    #[arg(long, value_name = "TIME")]
    pub(crate) delay_notice: Option<String>,

    /// Open the ports as root, then be this user; its data folder is handed over
    #[arg(long, value_name = "USER[:GROUP]")]
    pub(crate) run_as: Option<String>,

    /// Answer a monitor here, in the format of Prometheus: GET /metrics and /healthz. Take a loopback address: nobody
    /// is asked for a password
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics: Option<String>,

    /// Check the configuration, certificates included, and exit
    #[arg(long)]
    pub(crate) check: bool,

    /// Print `ready` as one JSON line with the bound addresses
    #[arg(long)]
    pub(crate) json: bool,

    /// More detail in the log; -vv shows every command and reply
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Write the log as one JSON object a line
    #[arg(long)]
    pub(crate) log_json: bool,
}

/// A value of the command line that no output of this program shows again.
#[derive(Clone, zeroize::ZeroizeOnDrop)]
pub(crate) struct Hidden(String);

impl Hidden {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden")
    }
}

/// Takes any text; clap would print a refused value, so nothing is refused here.
#[derive(Clone)]
struct HiddenParser;

impl clap::builder::TypedValueParser for HiddenParser {
    type Value = Hidden;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Self::Value, clap::Error> {
        value.to_str().map(|text| Hidden(text.to_owned())).ok_or_else(|| {
            clap::Error::raw(clap::error::ErrorKind::InvalidUtf8, "--user takes UTF-8 text\n")
                .with_cmd(command)
        })
    }
}

/// What stands below the flags: examples, and the configuration file with every key. It is the file of the repository, so
/// that the two cannot differ.
const AFTER_LONG_HELP: &str = concat!(
    "\
Examples:
  smtpkit serve
      try it on this machine: a ready-to-paste `smtpkit send` line is shown
  smtpkit serve --hostname mx.example.test --domain example.test --user-file users \\
      --listen mx://0.0.0.0:25 --listen submission://0.0.0.0:587 --cert cert.pem --key key.pem \\
      --run-as smtpkit
      take mail for example.test
  smtpkit serve --config smtpkit.toml --check
      check a configuration file
  smtpkit route add hi@example.com me@elsewhere.example --config smtpkit.toml
      pass mail on, at once also if the server runs
  smtpkit serve --smarthost smtps://me@mail.example.test --smarthost-password-file pw
      relay mail of the accounts through another server
  smtpkit serve --metrics 127.0.0.1:9100
      curl http://127.0.0.1:9100/metrics shows what is counted, /healthz whether mail is taken

Output:
  One line `ready` on standard output once every listener accepts. Everything else is on standard
  error: one record a session, transaction and delivery, which share the queue id.

Signals:
  SIGTERM and SIGINT let transactions in progress finish, then exit 0. SIGHUP reads certificates,
  domains, accounts and routes anew without dropping a connection; a file with a mistake changes
  nothing. Listeners, limits and the data folder are read at the start: the log says when one has
  changed.

Exit codes:
  0 stopped in order, 64 usage, 74 I/O (a port is taken), 78 configuration

The configuration file, with every key:

",
    include_str!("../../smtpkit.toml")
);

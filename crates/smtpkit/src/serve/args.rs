//! The flags of `smtpkit serve`.

use std::path::PathBuf;

/// Receive mail, deliver it to local mailboxes, relay the rest.
///
/// Without any flag it works at once: data in ./smtpkit-data, three listeners on loopback, a certificate of its own
/// and one account, whose password is shown once.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_LONG_HELP)]
pub(crate) struct ServeArgs {
    /// Read the configuration from FILE (TOML); flags go before what it says
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Folder for mail, keys and accounts [default: ./smtpkit-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// The name this server greets with and puts into trace fields [default: the system's, if it has a full one]
    #[arg(long, value_name = "NAME")]
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
    /// or lmtp+unix:/path
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

const AFTER_LONG_HELP: &str = "\
Examples:
  smtpkit serve
      try it on this machine: a ready-to-paste `smtpkit send` line is shown
  smtpkit serve --hostname mx.example.test --domain example.test --user-file users \\
      --listen mx://0.0.0.0:25 --listen submission://0.0.0.0:587 --cert cert.pem --key key.pem
      take mail for example.test
  smtpkit serve --config smtpkit.toml --check
      check a configuration file
  smtpkit serve --smarthost smtps://me@mail.example.test --smarthost-password-file pw
      relay mail of the accounts through another server

Output:
  One line `ready` on standard output once every listener accepts. Everything else is on standard
  error.

Signals:
  SIGTERM and SIGINT let transactions in progress finish, then exit 0. SIGHUP reads certificates,
  domains, accounts and routes anew without dropping a connection.

Configuration file (every key; flags say the same):
  hostname = \"mx.example.test\"       greets with this name
  data = \"/var/lib/smtpkit\"          mail/<domain>/<local-part>/{tmp,new,cur}, tls/, accounts
  max_message_size = 52428800        octets; announced as SIZE
  max_recipients = 1000              in one transaction; 452 after that
  max_connections = 1000             at once
  max_connections_per_address = 50   at once from one address
  exempt = [\"127.0.0.0/8\", \"::1/128\"]   addresses without limits of their own
  [[listener]]                       replaces the default listeners
  url = \"mx://0.0.0.0:25\"            as --listen
  bare_newline = \"refuse\"            a lone CR or LF from the peer: \"refuse\" or \"normalise\"
  trusted = [\"10.0.0.0/8\"]           networks that may relay without AUTH
  [tls]
  certificate = \"cert.pem\"           or a list, one for each name
  key = \"key.pem\"                    or a list in the same order
  client_ca = \"clients.pem\"          users may log in with a certificate of this CA (EXTERNAL): its mail address or
                                     common name is the account's address; read only at the start
  [[domain]]
  name = \"example.test\"              mail for it is taken
  mailboxes = [\"bob\"]                beside those of the accounts
  catch_all = \"alice@example.test\"   takes what no mailbox takes
  postmaster = \"alice@example.test\"  takes postmaster's mail [default: the first account]
  [[account]]
  address = \"alice@example.test\"     a mailbox, and a name to log in with
  password_file = \"alice.pw\"         a file with the password, or
  password_hash = \"$argon2id$…\"      a hash, or
  scram = \"SCRAM-SHA-256$…\"          SCRAM keys
  send_as = [\"sales@example.test\"]   may send with these reverse-paths, too
  [[route]]                          ordered, the first match wins; below them the mailboxes
  match = \"sales@example.test\"       an address, *@domain, user+*@domain, or /expression/; then one of
  to = [\"bob@example.test\"]          other addresses, local or foreign
  owner = \"lists@example.test\"       with to: a list, whose reports go to the owner
  maildir = \"archive\"                a folder
  lmtp = \"lmtp+unix:/run/lmtp.sock\"  a server for local deliveries
  smarthost = \"smtps://user@host\"    with password_file and, if needed, ca
  reject = \"550 5.7.1 no\"            a reply
  discard = true                     nowhere
  [relay]
  trusted = [\"10.0.0.0/8\"]           as --trusted
  smarthost = \"smtps://user@host\"    with smarthost_password_file, smarthost_ca, smarthost_fallback_ports
  dns = [\"127.0.0.1:5353\"]           as --dns
  mx_port = 25
  retry = [\"1m\", \"5m\", \"15m\", \"1h\", \"4h\"]
  give_up = \"5d\"
  delay_notice = \"4h\"                or \"never\"

Exit codes:
  0 stopped in order, 64 usage, 74 I/O (a port is taken), 78 configuration";

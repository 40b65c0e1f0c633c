//! The configuration file as it is written: TOML, every key known, every mistake with its line.
//!
//! This file knows the shape alone. What the values mean together is decided in `settings`.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

/// One clear line: file, line, what is wrong, what to do.
#[derive(Debug, thiserror::Error)]
#[error("{place}{what}; {remedy}")]
pub(crate) struct ConfigError {
    place: String,
    what: String,
    remedy: String,
}

impl ConfigError {
    /// An error that no line of a file caused: a flag, or a value that is missing.
    pub(crate) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { place: String::new(), what: what.into(), remedy: remedy.into() }
    }

    /// The same error, said of a place.
    pub(crate) fn at(mut self, place: &Place) -> Self {
        self.place = match place {
            Place::Flag(flag) => format!("{flag}: "),
            Place::Line { file, line } => format!("{}:{line}: ", file.display()),
        };
        self
    }
}

/// Where a value came from, for errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A flag of the command line, or a default that stands for it.
    Flag(String),
    /// A line of a file.
    Line { file: PathBuf, line: usize },
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

impl<T> Sourced<T> {
    pub(crate) fn flag(value: T, flag: &str) -> Self {
        Self { value, place: Place::Flag(flag.to_owned()) }
    }
}

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigFile {
    pub(crate) hostname: Option<Spanned<String>>,
    pub(crate) data: Option<Spanned<PathBuf>>,
    pub(crate) max_message_size: Option<Spanned<u64>>,
    pub(crate) max_recipients: Option<Spanned<u64>>,
    pub(crate) max_connections: Option<Spanned<u64>>,
    pub(crate) max_connections_per_address: Option<Spanned<u64>>,
    pub(crate) exempt: Option<Vec<Spanned<String>>>,
    pub(crate) limits: Option<LimitsTable>,
    pub(crate) user_file: Option<Spanned<PathBuf>>,
    pub(crate) run_as: Option<Spanned<String>>,
    pub(crate) metrics: Option<Spanned<String>>,
    pub(crate) log_json: Option<bool>,
    pub(crate) verbose: Option<u8>,
    #[serde(default)]
    pub(crate) listener: Vec<ListenerTable>,
    pub(crate) tls: Option<TlsTable>,
    #[serde(default)]
    pub(crate) domain: Vec<DomainTable>,
    #[serde(default)]
    pub(crate) account: Vec<AccountTable>,
    #[serde(default)]
    pub(crate) route: Vec<RouteTable>,
    pub(crate) relay: Option<RelayTable>,
    #[serde(default)]
    pub(crate) site: Vec<SiteTable>,
}

/// `[limits]`, and `limits` of a listener.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsTable {
    pub(crate) max_message_size: Option<Spanned<u64>>,
    pub(crate) max_recipients: Option<Spanned<u64>>,
    pub(crate) max_hops: Option<Spanned<u64>>,
    pub(crate) max_transactions: Option<Spanned<u64>>,
    pub(crate) max_auth_failures: Option<Spanned<u64>>,
    pub(crate) max_idle_commands: Option<Spanned<u64>>,
    pub(crate) soft_errors: Option<Spanned<u64>>,
    pub(crate) hard_errors: Option<Spanned<u64>>,
    pub(crate) error_delay: Option<Spanned<String>>,
    pub(crate) max_error_delay: Option<Spanned<String>>,
    pub(crate) greeting_delay: Option<Spanned<String>>,
    pub(crate) auth_failure_rate: Option<Spanned<String>>,
    pub(crate) connection_rate: Option<Spanned<String>>,
    pub(crate) connection_rate_total: Option<Spanned<String>>,
    pub(crate) message_rate: Option<Spanned<String>>,
    pub(crate) message_rate_total: Option<Spanned<String>>,
    pub(crate) recipient_rate: Option<Spanned<String>>,
    pub(crate) recipient_rate_total: Option<Spanned<String>>,
    pub(crate) unknown_recipient_rate: Option<Spanned<String>>,
    pub(crate) command_timeout: Option<Spanned<String>>,
    pub(crate) line_end_timeout: Option<Spanned<String>>,
    pub(crate) data_timeout: Option<Spanned<String>>,
    pub(crate) reply_timeout: Option<Spanned<String>>,
    pub(crate) session_timeout: Option<Spanned<String>>,
    pub(crate) tls_timeout: Option<Spanned<String>>,
    pub(crate) proxy_timeout: Option<Spanned<String>>,
    pub(crate) min_data_rate: Option<Spanned<u32>>,
    pub(crate) grace: Option<Spanned<String>>,
}

/// `[[listener]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerTable {
    pub(crate) url: Spanned<String>,
    pub(crate) tls: Option<Spanned<TlsKey>>,
    pub(crate) require_auth: Option<Spanned<bool>>,
    pub(crate) bare_newline: Option<BareNewlineKey>,
    pub(crate) trusted: Option<Vec<Spanned<String>>>,
    pub(crate) proxy_protocol: Option<Vec<Spanned<String>>>,
    pub(crate) limits: Option<LimitsTable>,
}

/// `tls = "off" | "offer" | "require" | "implicit"`
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TlsKey {
    /// None.
    Off,
    /// STARTTLS, if the client wants.
    Offer,
    /// STARTTLS, before anything else.
    Require,
    /// With the connection.
    Implicit,
}

/// `bare_newline = "refuse" | "normalise"`
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BareNewlineKey {
    Refuse,
    Normalise,
}

/// `[tls]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsTable {
    pub(crate) certificate: Spanned<OneOrMany>,
    pub(crate) key: Spanned<OneOrMany>,
    pub(crate) client_ca: Option<Spanned<PathBuf>>,
}

/// One path, or a list of them for several names.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(PathBuf),
    Many(Vec<PathBuf>),
}

impl OneOrMany {
    pub(crate) fn into_vec(self) -> Vec<PathBuf> {
        match self {
            Self::One(path) => vec![path],
            Self::Many(paths) => paths,
        }
    }
}

/// `[[domain]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DomainTable {
    pub(crate) name: Spanned<String>,
    #[serde(default)]
    pub(crate) mailboxes: Vec<Spanned<String>>,
    pub(crate) catch_all: Option<Spanned<String>>,
    pub(crate) postmaster: Option<Spanned<String>>,
}

/// `[[account]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountTable {
    pub(crate) address: Spanned<String>,
    pub(crate) password_file: Option<Spanned<PathBuf>>,
    pub(crate) password_hash: Option<Spanned<String>>,
    pub(crate) scram: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) send_as: Vec<Spanned<String>>,
}

/// `[[route]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteTable {
    #[serde(rename = "match")]
    pub(crate) pattern: Spanned<String>,
    pub(crate) to: Option<Vec<Spanned<String>>>,
    pub(crate) owner: Option<Spanned<String>>,
    pub(crate) maildir: Option<Spanned<PathBuf>>,
    pub(crate) lmtp: Option<Spanned<String>>,
    pub(crate) smarthost: Option<Spanned<String>>,
    pub(crate) password_file: Option<Spanned<PathBuf>>,
    pub(crate) ca: Option<Spanned<PathBuf>>,
    pub(crate) reject: Option<Spanned<String>>,
    pub(crate) discard: Option<bool>,
    pub(crate) enabled: Option<bool>,
}

/// `[relay]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelayTable {
    pub(crate) trusted: Option<Vec<Spanned<String>>>,
    pub(crate) smarthost: Option<Spanned<String>>,
    pub(crate) smarthost_password_file: Option<Spanned<PathBuf>>,
    pub(crate) smarthost_ca: Option<Spanned<PathBuf>>,
    pub(crate) smarthost_fallback_ports: Option<Vec<u16>>,
    pub(crate) dns: Option<Vec<Spanned<String>>>,
    pub(crate) mx_port: Option<Spanned<u16>>,
    pub(crate) retry: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) give_up: Option<Spanned<String>>,
    pub(crate) delay_notice: Option<Spanned<String>>,
    pub(crate) max_deliveries: Option<Spanned<usize>>,
    pub(crate) max_deliveries_per_site: Option<Spanned<usize>>,
    pub(crate) rate_per_site: Option<Spanned<String>>,
    pub(crate) connect_timeout: Option<Spanned<String>>,
}

/// `[[site]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SiteTable {
    pub(crate) domain: Spanned<String>,
    pub(crate) max_deliveries: Option<Spanned<usize>>,
    pub(crate) rate: Option<Spanned<String>>,
}

/// A file that was read, with what is needed to say where a value stands in it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) file: ConfigFile,
    path: PathBuf,
    line_starts: Vec<usize>,
}

impl Loaded {
    /// Reads and parses the file at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|error| {
            ConfigError::new(
                format!("{}: {error}", path.display()),
                "name a readable UTF-8 file with --config, or leave --config out",
            )
        })?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let line_starts: Vec<usize> =
            core::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        match toml::from_str(text) {
            Ok(file) => Ok(Self { file, path: path.to_owned(), line_starts }),
            Err(error) => {
                let line = line_of(&line_starts, error.span().map_or(0, |span| span.start));
                let place = Place::Line { file: path.to_owned(), line };
                let what = error.message().lines().collect::<Vec<_>>().join(" ");
                let remedy = if what.contains("unknown field") {
                    "correct the key or remove it; `smtpkit serve --help` lists all of them"
                } else {
                    "correct the value; `smtpkit serve --help` shows what each key takes"
                };
                Err(ConfigError::new(what.replace("unknown field", "unknown key"), remedy).at(&place))
            }
        }
    }

    /// Where the value at `span` stands.
    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        Place::Line { file: self.path.clone(), line: line_of(&self.line_starts, span.start) }
    }

    /// A value with its place.
    pub(crate) fn sourced<T: Clone>(&self, value: &Spanned<T>) -> Sourced<T> {
        Sourced { value: value.get_ref().clone(), place: self.place(value.span()) }
    }

    /// A path of the file, which counts from the folder that the file lies in.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        self.path.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }
}

fn line_of(line_starts: &[usize], offset: usize) -> usize {
    line_starts.partition_point(|start| *start <= offset).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Loaded::parse(Path::new("smtpkit.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let message = error("hostname = \"mx.example.test\"\ncolour = \"red\"\n");
        assert!(message.starts_with("smtpkit.toml:2: unknown key `colour`"), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named_with_its_line() {
        let message = error("\n\nhostname = 5\n");
        assert!(message.starts_with("smtpkit.toml:3: "), "{message}");
        assert!(message.contains("string"), "{message}");
    }

    #[test]
    fn a_file_that_is_not_toml_is_one_line() {
        let message = error("[[listener\n");
        assert!(message.starts_with("smtpkit.toml:1: "), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }

    const COMMENTED: &str = include_str!("../../smtpkit.toml");

    /// The keys that a table takes, as its refusal of another one lists them.
    fn keys(table: &str) -> Vec<String> {
        let message = error(&format!("{table}\nno_such_key = 1\n"));
        let (_, list) = message.split_once("expected one of ").unwrap_or_else(|| panic!("{message}"));
        list.split('`').skip(1).step_by(2).take_while(|key| !key.contains(' ')).map(str::to_owned).collect()
    }

    #[test]
    fn the_commented_file_has_every_key_where_it_belongs() {
        let text: Vec<&str> =
            COMMENTED.lines().map(|line| line.strip_prefix("# ").unwrap_or(line).trim_start()).collect();
        for table in [
            "",
            "[limits]",
            "[[listener]]",
            "[tls]",
            "[[domain]]",
            "[[account]]",
            "[[route]]",
            "[relay]",
            "[[site]]",
        ] {
            let start = text.iter().position(|line| *line == table || table.is_empty()).unwrap();
            let known = keys(table);
            assert!(known.len() >= 3, "{table}: {known:?}");
            for key in known {
                let is_table = |line: &&str| **line == format!("[{key}]") || **line == format!("[[{key}]]");
                let is_key = |line: &&str| line.starts_with(&format!("{key} = "));
                let rest = text.get(start..).unwrap();
                assert!(
                    rest.iter().any(|line| is_key(line) || is_table(line)),
                    "{table} {key} is not in the file"
                );
            }
        }
    }

    #[test]
    fn the_commented_file_parses_as_it_is_and_with_everything_uncommented() {
        assert!(Loaded::parse(Path::new("smtpkit.toml"), COMMENTED).is_ok());
        let uncommented: String = COMMENTED
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest)
                    if rest.starts_with('[')
                        || rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) =>
                {
                    rest
                }
                _ => line,
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        assert_ne!(uncommented, COMMENTED);
        if let Err(error) = Loaded::parse(Path::new("smtpkit.toml"), &uncommented) {
            panic!("{error}\n{uncommented}");
        }
    }

    #[test]
    fn paths_count_from_the_folder_of_the_file() {
        let loaded = Loaded::parse(Path::new("/etc/smtpkit/smtpkit.toml"), "").unwrap();
        assert_eq!(loaded.resolve(Path::new("cert.pem")), Path::new("/etc/smtpkit/cert.pem"));
        assert_eq!(loaded.resolve(Path::new("/var/cert.pem")), Path::new("/var/cert.pem"));
    }
}

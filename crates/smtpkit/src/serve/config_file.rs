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
}

/// `[[listener]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerTable {
    pub(crate) url: Spanned<String>,
    pub(crate) bare_newline: Option<BareNewlineKey>,
    pub(crate) trusted: Option<Vec<Spanned<String>>>,
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
    pub(crate) retry: Option<Vec<Spanned<String>>>,
    pub(crate) give_up: Option<Spanned<String>>,
    pub(crate) delay_notice: Option<Spanned<String>>,
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

    #[test]
    fn paths_count_from_the_folder_of_the_file() {
        let loaded = Loaded::parse(Path::new("/etc/smtpkit/smtpkit.toml"), "").unwrap();
        assert_eq!(loaded.resolve(Path::new("cert.pem")), Path::new("/etc/smtpkit/cert.pem"));
        assert_eq!(loaded.resolve(Path::new("/var/cert.pem")), Path::new("/var/cert.pem"));
    }
}

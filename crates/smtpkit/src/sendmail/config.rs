//! Which server sendmail hands messages to: the environment, or a small file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::arguments::Arguments;
use crate::exit::{Exit, Failure};
use crate::outbound::ServerArgs;

const FILE: &str = "/etc/smtpkit/sendmail.toml";
const FILE_VARIABLE: &str = "SMTPKIT_CONFIG";
const URL_VARIABLE: &str = "SMTPKIT_URL";

/// What is configured.
pub(crate) struct Config {
    pub(crate) url: String,
    pub(crate) server: ServerArgs,
    /// For names without a domain.
    pub(crate) domain: String,
    pub(crate) from: Option<String>,
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    server: Option<String>,
    password_file: Option<PathBuf>,
    password_command: Option<String>,
    token_command: Option<String>,
    ca: Option<PathBuf>,
    domain: Option<String>,
    from: Option<String>,
}

impl Config {
    pub(crate) fn read(arguments: &Arguments) -> Result<Self, Failure> {
        let named = arguments.config.clone().or_else(|| std::env::var_os(FILE_VARIABLE).map(PathBuf::from));
        let file = match &named {
            Some(path) => ConfigFile::read(path)?,
            None => ConfigFile::read_if_there(Path::new(FILE))?,
        };
        let url = match std::env::var(URL_VARIABLE) {
            Ok(url) => Some(url),
            Err(std::env::VarError::NotPresent) => file.server,
            Err(error) => return Err(Failure::new(Exit::Config, format!("{URL_VARIABLE}: {error}"))),
        };
        let url = url.ok_or_else(|| {
            Failure::new(
                Exit::Config,
                format!("no server; name one in {URL_VARIABLE}, or as `server = \"smtp://…\"` in {FILE}"),
            )
        })?;
        let server = ServerArgs {
            ca: file.ca,
            password_file: file.password_file,
            password_cmd: file.password_command,
            token_cmd: file.token_command,
            verbose: arguments.verbose,
            ..ServerArgs::default()
        };
        let domain = file.domain.unwrap_or_else(host_name);
        Ok(Self { url, server, domain, from: file.from })
    }

    /// The address of a name; a domain makes it one.
    pub(crate) fn qualified(&self, name: &str) -> String {
        if name.contains('@') || name == "<>" { name.to_owned() } else { format!("{name}@{}", self.domain) }
    }
}

impl ConfigFile {
    fn read_if_there(path: &Path) -> Result<Self, Failure> {
        match path.try_exists() {
            Ok(false) => Ok(Self::default()),
            _ => Self::read(path),
        }
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        let unreadable =
            |error: io::Error| Failure::new(Exit::Config, format!("{}: {error}", path.display()));
        let text = fs::read_to_string(path).map_err(unreadable)?;
        toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            Failure::new(Exit::Config, format!("{}:{line}: {}", path.display(), error.message()))
        })
    }
}

/// What the machine calls itself.
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

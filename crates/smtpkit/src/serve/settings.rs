//! What `serve` is to do: the configuration file and the flags put together, checked as a whole.
//!
//! Nothing here opens a port. Every value that cannot be used ends as one [`ConfigError`] with its place.

use std::net::SocketAddr;
use std::path::PathBuf;

use smtpkit_auth::{Account, Secret, Users};
use smtpkit_relay::Directory;
use smtpkit_server::Network;

use super::account_settings::{AccountSetting, read_accounts};
use super::args::ServeArgs;
use super::config_file::{ConfigError, DomainTable, Loaded, Place, Sourced};
use super::first_start::FirstAccount;
use super::limit_settings::{Bounds, read_exempt};
use super::listener_settings::{Listener, read_listeners};
use super::privileges::{RunAs, is_root};
use super::relay_settings::RelaySettings;
use crate::log;

/// The local domain of a server that was told of none.
const DOMAIN: &str = "localhost";
const DATA: &str = "./smtpkit-data";

/// Everything that `serve` needs to know.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) hostname: String,
    pub(crate) data: PathBuf,
    pub(crate) listeners: Vec<Listener>,
    /// Certificate chains and keys; empty for the development identity.
    pub(crate) certificates: Vec<Certificate>,
    /// Who vouches for the certificates of users; without it they are not asked for any.
    pub(crate) client_ca: Option<Sourced<PathBuf>>,
    pub(crate) directory: Directory,
    pub(crate) accounts: Vec<AccountSetting>,
    /// The bounds that all listeners share: how many connections there may be.
    pub(crate) bounds: Bounds,
    /// Addresses without limits of their own.
    pub(crate) exempt: Vec<Network>,
    pub(crate) relay: RelaySettings,
    /// Where a monitor may ask.
    pub(crate) metrics: Option<Sourced<SocketAddr>>,
    /// Whom to become once the ports are open.
    pub(crate) run_as: Option<RunAs>,
    pub(crate) log: log::Form,
    pub(crate) verbosity: u8,
    /// Whether nobody named an account, so that one may be made.
    pub(crate) wants_first_account: bool,
    /// What a person should hear before the server starts.
    pub(crate) warnings: Vec<String>,
}

/// Whose idea the listeners are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listeners {
    Named,
    Default,
}

/// One certificate chain with its key.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) place: Place,
}

impl Settings {
    /// Puts flags and file together.
    pub(crate) fn read(args: &ServeArgs) -> Result<Self, ConfigError> {
        let loaded = args.config.as_deref().map(Loaded::read).transpose()?;
        let mut directory = Directory::default();
        let accounts = read_accounts(args, loaded.as_ref())?;
        for account in &accounts {
            directory.add_mailbox(&account.address).map_err(|error| {
                ConfigError::new(error.to_string(), "write it as name@domain").at(&account.place)
            })?;
        }
        read_domains(args, loaded.as_ref(), &mut directory)?;
        let wants_first_account = args.config.is_none() && accounts.is_empty();
        let bounds = Bounds::read(args, loaded.as_ref())?;
        let mut settings = Self {
            hostname: read_hostname(args, loaded.as_ref())?,
            data: read_data(args, loaded.as_ref()),
            listeners: read_listeners(args, loaded.as_ref(), &bounds)?,
            certificates: read_certificates(args, loaded.as_ref())?,
            client_ca: read_client_ca(loaded.as_ref()),
            directory,
            accounts,
            bounds,
            exempt: read_exempt(loaded.as_ref())?,
            relay: RelaySettings::read(args, loaded.as_ref())?,
            metrics: read_metrics(args, loaded.as_ref())?,
            run_as: read_run_as(args, loaded.as_ref())?,
            log: read_log(args, loaded.as_ref()),
            verbosity: read_verbosity(args, loaded.as_ref()),
            wants_first_account,
            warnings: Vec::new(),
        };
        let named = !args.listen.is_empty() || loaded.is_some_and(|loaded| !loaded.file.listener.is_empty());
        let asked = if named { Listeners::Named } else { Listeners::Default };
        settings.match_logins(asked)?;
        settings.warn(args);
        Ok(settings)
    }

    /// Where users log in there has to be one. Listeners that nobody asked for go if there is none.
    fn match_logins(&mut self, asked: Listeners) -> Result<(), ConfigError> {
        if !self.accounts.is_empty() || self.wants_first_account {
            return Ok(());
        }
        if asked == Listeners::Default {
            self.listeners.retain(|listener| !listener.requires_auth);
            self.warnings.push("no account is named: only mail for the local domains is taken".to_owned());
        }
        match self.listeners.iter().find(|listener| listener.requires_auth) {
            None => Ok(()),
            Some(listener) => {
                let what = format!("{} lets nobody in: there is no account", listener.url);
                let remedy =
                    "name one with [[account]], user_file or --user-file, or listen with mx:// alone";
                Err(ConfigError::new(what, remedy).at(&listener.place))
            }
        }
    }

    /// What is allowed and yet nobody should want.
    fn warn(&mut self, args: &ServeArgs) {
        if !args.users.is_empty() {
            let what = "--user shows the password to everybody on this machine; --user-file does not";
            self.warnings.push(what.to_owned());
        }
        if let Some(metrics) = self.metrics.as_ref().filter(|metrics| !metrics.value.ip().is_loopback()) {
            self.warnings.push(format!("everybody who reaches {} can read the metrics", metrics.value));
        }
        if self.run_as.is_none() && is_root() {
            let what = "strangers' octets are read as root: name a user without rights with --run-as";
            self.warnings.push(what.to_owned());
        }
    }

    /// Where routes lead and nobody is, said for a person.
    pub(crate) fn dead_ends(&self) -> Result<Vec<String>, ConfigError> {
        let routes = self.relay.routes(&self.hostname, &self.directory)?.build();
        let said = |target| format!("a route leads to {target}, and nobody here takes mail for it");
        Ok(routes.dead_ends().iter().map(said).collect())
    }

    /// Makes or reads the first account of the data folder if nobody named one, and makes sure that there is a local
    /// domain.
    pub(crate) fn take_first_account(&mut self) -> Result<Option<FirstAccount>, ConfigError> {
        if self.directory.domains().next().is_none() {
            let domain = DOMAIN;
            self.directory
                .add_domain(domain)
                .map_err(|error| ConfigError::new(error.to_string(), "name one with --domain"))?;
        }
        if !self.wants_first_account {
            return Ok(None);
        }
        let domain = self.directory.domains().next().unwrap_or(DOMAIN).to_owned();
        let mut first = FirstAccount::open(&self.data, &domain)?;
        for account in &first.accounts {
            self.directory.add_mailbox(&account.address).map_err(|error| {
                ConfigError::new(error.to_string(), "write it as name@domain").at(&account.place)
            })?;
        }
        self.accounts.append(&mut first.accounts);
        Ok(Some(first))
    }

    /// The accounts as a table that AUTH looks into. `server_secret` keeps the answers for unknown users alike.
    pub(crate) fn users(&self, server_secret: Secret) -> Result<Users, ConfigError> {
        let mut users = Users::new(server_secret);
        for setting in &self.accounts {
            let account = Account::new(setting.address.as_str(), setting.credential.clone())
                .with_send_as(setting.send_as.iter().cloned());
            users.insert(account).map_err(|_| {
                ConfigError::new(
                    format!("the account {} is there twice", setting.address),
                    "remove one of the two",
                )
                .at(&setting.place)
            })?;
        }
        Ok(users)
    }
}

/// The data folder of a server with these arguments, if its routes can be used. What else is in the file may need flags
/// that only the server was given.
pub(crate) fn data_folder(args: &ServeArgs) -> Result<PathBuf, ConfigError> {
    let loaded = args.config.as_deref().map(Loaded::read).transpose()?;
    RelaySettings::read(args, loaded.as_ref())?;
    Ok(read_data(args, loaded.as_ref()))
}

fn read_hostname(args: &ServeArgs, loaded: Option<&Loaded>) -> Result<String, ConfigError> {
    let from_file = loaded.and_then(|loaded| Some(loaded.sourced(loaded.file.hostname.as_ref()?)));
    let given = args.hostname.clone().map(|name| Sourced::flag(name, "--hostname")).or(from_file);
    let Some(given) = given else { return Ok(system_hostname().unwrap_or_else(|| "localhost".to_owned())) };
    match given.value.parse::<smtpkit_codec::address::Domain>() {
        Ok(name) => Ok(name.to_string()),
        Err(_) => Err(ConfigError::new(
            format!("`{}` is not a host name", given.value),
            "use a fully qualified one, such as mx.example.test",
        )
        .at(&given.place)),
    }
}

/// The system's host name if it is a full one; a bare one means nothing to a peer.
fn system_hostname() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.to_owned();
    (name.contains('.') && name.parse::<smtpkit_codec::address::Domain>().is_ok()).then_some(name)
}

fn read_data(args: &ServeArgs, loaded: Option<&Loaded>) -> PathBuf {
    let from_file = loaded.and_then(|loaded| Some(loaded.resolve(loaded.file.data.as_ref()?.get_ref())));
    args.data.clone().or(from_file).unwrap_or_else(|| PathBuf::from(DATA))
}

fn read_certificates(args: &ServeArgs, loaded: Option<&Loaded>) -> Result<Vec<Certificate>, ConfigError> {
    let (chains, keys, place, resolve): (Vec<PathBuf>, Vec<PathBuf>, Place, Option<&Loaded>) =
        match loaded.and_then(|loaded| Some((loaded, loaded.file.tls.as_ref()?))) {
            _ if !args.certificates.is_empty() => {
                (args.certificates.clone(), args.keys.clone(), Place::Flag("--cert".to_owned()), None)
            }
            Some((loaded, tls)) => (
                tls.certificate.get_ref().clone().into_vec(),
                tls.key.get_ref().clone().into_vec(),
                loaded.place(tls.certificate.span()),
                Some(loaded),
            ),
            None => return Ok(Vec::new()),
        };
    if chains.len() != keys.len() {
        return Err(ConfigError::new(
            format!("{} certificates, but {} keys", chains.len(), keys.len()),
            "give one key for each certificate, in the same order",
        )
        .at(&place));
    }
    let from = |path: PathBuf| resolve.map_or_else(|| path.clone(), |loaded| loaded.resolve(&path));
    Ok(chains
        .into_iter()
        .zip(keys)
        .map(|(chain, key)| Certificate { chain: from(chain), key: from(key), place: place.clone() })
        .collect())
}

fn read_metrics(
    args: &ServeArgs,
    loaded: Option<&Loaded>,
) -> Result<Option<Sourced<SocketAddr>>, ConfigError> {
    let in_file = loaded.and_then(|loaded| Some(loaded.sourced(loaded.file.metrics.as_ref()?)));
    let text = args.metrics.clone().map(|text| Sourced::flag(text, "--metrics")).or(in_file);
    let Some(Sourced { value, place }) = text else { return Ok(None) };
    match value.parse() {
        Ok(value) => Ok(Some(Sourced { value, place })),
        Err(_) => {
            let what = format!("`{value}` is not an address with a port");
            Err(ConfigError::new(what, "write it as 127.0.0.1:9100").at(&place))
        }
    }
}

fn read_run_as(args: &ServeArgs, loaded: Option<&Loaded>) -> Result<Option<RunAs>, ConfigError> {
    let in_file = loaded.and_then(|loaded| Some(loaded.sourced(loaded.file.run_as.as_ref()?)));
    let Some(text) = args.run_as.clone().map(|text| Sourced::flag(text, "--run-as")).or(in_file) else {
        return Ok(None);
    };
    RunAs::look_up(&text.value).map(Some).map_err(|error| {
        let remedy = "name a user of this machine, as USER or USER:GROUP, and start as root or as that user";
        ConfigError::new(error.to_string(), remedy).at(&text.place)
    })
}

fn read_log(args: &ServeArgs, loaded: Option<&Loaded>) -> log::Form {
    let is_json = args.log_json || loaded.is_some_and(|loaded| loaded.file.log_json == Some(true));
    if is_json { log::Form::Json } else { log::Form::Text }
}

fn read_verbosity(args: &ServeArgs, loaded: Option<&Loaded>) -> u8 {
    args.verbose.max(loaded.and_then(|loaded| loaded.file.verbose).unwrap_or_default())
}

fn read_client_ca(loaded: Option<&Loaded>) -> Option<Sourced<PathBuf>> {
    let loaded = loaded?;
    let Sourced { value, place } = loaded.sourced(loaded.file.tls.as_ref()?.client_ca.as_ref()?);
    Some(Sourced { value: loaded.resolve(&value), place })
}

fn read_domains(
    args: &ServeArgs,
    loaded: Option<&Loaded>,
    directory: &mut Directory,
) -> Result<(), ConfigError> {
    let bad = |error: smtpkit_relay::DirectoryError, remedy: &str, place: &Place| {
        ConfigError::new(error.to_string(), remedy).at(place)
    };
    for domain in &args.domains {
        let place = Place::Flag("--domain".to_owned());
        directory.add_domain(domain).map_err(|error| bad(error, "write it as example.test", &place))?;
    }
    let tables: &[DomainTable] = loaded.map_or(&[], |loaded| &loaded.file.domain);
    let Some(loaded) = loaded else { return Ok(()) };
    for table in tables {
        let name = loaded.sourced(&table.name);
        directory
            .add_domain(&name.value)
            .map_err(|error| bad(error, "write it as example.test", &name.place))?;
        for local_part in &table.mailboxes {
            let local_part = loaded.sourced(local_part);
            directory
                .add_mailbox(&format!("{}@{}", local_part.value, name.value))
                .map_err(|error| bad(error, "list only what stands before the @", &local_part.place))?;
        }
    }
    for table in tables {
        let remedy = "name the address of an account or of a mailbox of this server";
        if let Some(address) = &table.catch_all {
            let address = loaded.sourced(address);
            directory
                .set_catch_all(table.name.get_ref(), &address.value)
                .map_err(|error| bad(error, remedy, &address.place))?;
        }
        if let Some(address) = &table.postmaster {
            let address = loaded.sourced(address);
            directory
                .set_postmaster(table.name.get_ref(), &address.value)
                .map_err(|error| bad(error, remedy, &address.place))?;
        }
    }
    Ok(())
}

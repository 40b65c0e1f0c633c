//! What `serve` is to do: the configuration file and the flags put together, checked as a whole.
//!
//! Nothing here opens a port. Every value that cannot be used ends as one [`ConfigError`] with its place.

use std::fs;
use std::path::{Path, PathBuf};

use smtpkit_auth::{Account, Secret, SendAs, StoredCredential, Users};
use smtpkit_relay::Directory;
use smtpkit_server::Network;

use super::args::ServeArgs;
use super::config_file::{
    AccountTable, BareNewlineKey, ConfigError, DomainTable, ListenerTable, Loaded, Place, Sourced,
};
use super::first_start::FirstAccount;
use super::listen_url::ListenUrl;
use super::relay_settings::RelaySettings;

/// The largest message taken unless somebody says otherwise: 50 MiB.
const MESSAGE_OCTETS_MAX: u64 = 50 * 1024 * 1024;
/// The smallest limit that RFC 5321 §4.5.3.1.7 allows.
const MESSAGE_OCTETS_MAX_LEAST: u64 = 64 * 1024;
/// The local domain of a server that was told of none.
const DOMAIN: &str = "localhost";
const DATA: &str = "./smtpkit-data";
const LISTEN: [&str; 3] =
    ["mx://127.0.0.1:2525", "submission://127.0.0.1:2587", "submissions://127.0.0.1:2465"];
const EXEMPT: [&str; 2] = ["127.0.0.0/8", "::1/128"];

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
    pub(crate) limits: Limits,
    pub(crate) relay: RelaySettings,
    /// Whether nobody named an account, so that one may be made.
    pub(crate) wants_first_account: bool,
    /// What a person should hear before the server starts.
    pub(crate) warnings: Vec<String>,
}

/// One listener.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) url: ListenUrl,
    pub(crate) place: Place,
    pub(crate) bare_newline: BareNewlineKey,
    pub(crate) trusted: Vec<Network>,
}

/// One certificate chain with its key.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) place: Place,
}

/// One account; its credential is never shown.
pub(crate) struct AccountSetting {
    pub(crate) address: String,
    pub(crate) credential: StoredCredential,
    pub(crate) send_as: Vec<SendAs>,
    pub(crate) place: Place,
}

impl std::fmt::Debug for AccountSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountSetting").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Bounds that a person can set.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) message_octets_max: u64,
    pub(crate) recipients_max: Option<u64>,
    pub(crate) connections_max: Option<u64>,
    pub(crate) connections_per_address_max: Option<u64>,
    pub(crate) exempt: Vec<Network>,
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
        let mut warnings = Vec::new();
        if !args.users.is_empty() {
            warnings.push(
                "--user shows the password to everybody on this machine; --user-file does not".to_owned(),
            );
        }
        Ok(Self {
            hostname: read_hostname(args, loaded.as_ref())?,
            data: read_data(args, loaded.as_ref()),
            listeners: read_listeners(args, loaded.as_ref())?,
            certificates: read_certificates(args, loaded.as_ref())?,
            client_ca: read_client_ca(loaded.as_ref()),
            directory,
            accounts,
            limits: read_limits(args, loaded.as_ref())?,
            relay: RelaySettings::read(args, loaded.as_ref())?,
            wants_first_account,
            warnings,
        })
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

fn read_listeners(args: &ServeArgs, loaded: Option<&Loaded>) -> Result<Vec<Listener>, ConfigError> {
    let tables: &[ListenerTable] = loaded.map_or(&[], |loaded| &loaded.file.listener);
    if let Some(loaded) = loaded
        && args.listen.is_empty()
        && !tables.is_empty()
    {
        return tables.iter().map(|table| read_listener(loaded, table)).collect();
    }
    let urls: Vec<&str> = if args.listen.is_empty() {
        LISTEN.to_vec()
    } else {
        args.listen.iter().map(String::as_str).collect()
    };
    urls.into_iter()
        .map(|url| {
            let url = Sourced::flag(url.to_owned(), "--listen");
            Ok(Listener {
                url: parse_url(&url)?,
                place: url.place,
                bare_newline: BareNewlineKey::Refuse,
                trusted: Vec::new(),
            })
        })
        .collect()
}

fn read_listener(loaded: &Loaded, table: &ListenerTable) -> Result<Listener, ConfigError> {
    let url = loaded.sourced(&table.url);
    Ok(Listener {
        url: parse_url(&url)?,
        place: url.place,
        bare_newline: table.bare_newline.unwrap_or(BareNewlineKey::Refuse),
        trusted: read_networks(loaded, table.trusted.as_deref().unwrap_or_default(), Scope::Trust)?,
    })
}

fn parse_url(url: &Sourced<String>) -> Result<ListenUrl, ConfigError> {
    url.value.parse().map_err(|error: super::listen_url::ListenUrlError| {
        ConfigError::new(error.to_string(), "write it as mx://127.0.0.1:2525").at(&url.place)
    })
}

/// What a network is listed for; trust in everybody is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Trust,
    Exempt,
}

fn read_networks(
    loaded: &Loaded,
    texts: &[toml::Spanned<String>],
    scope: Scope,
) -> Result<Vec<Network>, ConfigError> {
    texts
        .iter()
        .map(|text| {
            let text = loaded.sourced(text);
            let network: Network = text.value.parse().map_err(|error: smtpkit_server::BadNetwork| {
                ConfigError::new(error.to_string(), "write it as 10.0.0.0/8 or fd00::/8").at(&text.place)
            })?;
            if scope == Scope::Trust && network.is_everything() {
                return Err(ConfigError::new(
                    format!("{network} would make this an open relay"),
                    "list only the networks of your own hosts",
                )
                .at(&text.place));
            }
            Ok(network)
        })
        .collect()
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

fn read_client_ca(loaded: Option<&Loaded>) -> Option<Sourced<PathBuf>> {
    let loaded = loaded?;
    let Sourced { value, place } = loaded.sourced(loaded.file.tls.as_ref()?.client_ca.as_ref()?);
    Some(Sourced { value: loaded.resolve(&value), place })
}

fn read_limits(args: &ServeArgs, loaded: Option<&Loaded>) -> Result<Limits, ConfigError> {
    let number =
        |value: Option<&toml::Spanned<u64>>| loaded.zip(value).map(|(loaded, value)| loaded.sourced(value));
    let file = loaded.map(|loaded| &loaded.file);
    let size = args
        .max_message_size
        .map(|size| Sourced::flag(size, "--max-message-size"))
        .or_else(|| number(file.and_then(|file| file.max_message_size.as_ref())));
    if let Some(size) = size.as_ref().filter(|size| size.value < MESSAGE_OCTETS_MAX_LEAST) {
        return Err(ConfigError::new(
            format!("a message limit of {} octets is below the 65536 that RFC 5321 asks for", size.value),
            "raise it",
        )
        .at(&size.place));
    }
    let positive = |value: Option<Sourced<u64>>, name: &str| match value {
        Some(zero) if zero.value == 0 => {
            Err(ConfigError::new(format!("{name} = 0 would refuse everybody"), "raise it or remove it")
                .at(&zero.place))
        }
        other => Ok(other.map(|number| number.value)),
    };
    let exempt = match loaded.and_then(|loaded| Some((loaded, loaded.file.exempt.as_deref()?))) {
        Some((loaded, texts)) => read_networks(loaded, texts, Scope::Exempt)?,
        None => EXEMPT.iter().filter_map(|text| text.parse().ok()).collect(),
    };
    Ok(Limits {
        message_octets_max: size.map_or(MESSAGE_OCTETS_MAX, |size| size.value),
        recipients_max: positive(
            number(file.and_then(|file| file.max_recipients.as_ref())),
            "max_recipients",
        )?,
        connections_max: positive(
            number(file.and_then(|file| file.max_connections.as_ref())),
            "max_connections",
        )?,
        connections_per_address_max: positive(
            number(file.and_then(|file| file.max_connections_per_address.as_ref())),
            "max_connections_per_address",
        )?,
        exempt,
    })
}

fn read_accounts(args: &ServeArgs, loaded: Option<&Loaded>) -> Result<Vec<AccountSetting>, ConfigError> {
    let mut accounts = Vec::new();
    if let Some(loaded) = loaded {
        for table in &loaded.file.account {
            accounts.push(read_account(loaded, table)?);
        }
    }
    if let Some(path) = &args.user_file {
        let text = read_secret_file(path, &Place::Flag("--user-file".to_owned()))?;
        accounts.extend(parse_user_file(path, &text)?);
    }
    for user in &args.users {
        let place = Place::Flag("--user".to_owned());
        accounts.push(parse_user(user.expose(), place)?);
    }
    Ok(accounts)
}

fn read_account(loaded: &Loaded, table: &AccountTable) -> Result<AccountSetting, ConfigError> {
    let address = loaded.sourced(&table.address);
    let bad = |what: String, remedy: &str| ConfigError::new(what, remedy).at(&address.place);
    let stored = match (&table.password_file, &table.password_hash, &table.scram) {
        (Some(file), None, None) => {
            let path = loaded.resolve(file.get_ref());
            let text = read_secret_file(&path, &loaded.place(file.span()))?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
        (None, Some(hash), None) => hash.get_ref().clone(),
        (None, None, Some(keys)) => keys.get_ref().clone(),
        (None, Some(hash), Some(keys)) => format!("{} {}", hash.get_ref(), keys.get_ref()),
        (None, None, None) => {
            return Err(bad(
                format!("the account {} has no password", address.value),
                "give it password_file, password_hash or scram",
            ));
        }
        (Some(_), ..) => {
            return Err(bad(
                format!("the account {} has a password file and a hash", address.value),
                "give it only one of password_file, password_hash and scram",
            ));
        }
    };
    let credential = StoredCredential::parse(&stored)
        .map_err(|error| bad(error.to_string(), "make it anew with `smtpkit account hash`"))?;
    let send_as = table
        .send_as
        .iter()
        .map(|text| {
            let text = loaded.sourced(text);
            SendAs::parse(&text.value).map_err(|error| {
                ConfigError::new(error.to_string(), "write an address, *@domain or name+*@domain")
                    .at(&text.place)
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(AccountSetting { address: address.value, credential, send_as, place: address.place })
}

/// The accounts of a user file: one `ADDRESS:PASSWORD-or-hash` a line, `#` starts a comment line.
pub(crate) fn parse_user_file(path: &Path, text: &str) -> Result<Vec<AccountSetting>, ConfigError> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|(at, line)| parse_user(line, Place::Line { file: path.to_owned(), line: at + 1 }))
        .collect()
}

/// `ADDRESS:PASSWORD-or-hash`; an error never repeats what stands behind the colon.
fn parse_user(text: &str, place: Place) -> Result<AccountSetting, ConfigError> {
    let remedy = "write it as alice@example.test:password";
    let (address, stored) = text
        .split_once(':')
        .ok_or_else(|| ConfigError::new("no colon behind the address", remedy).at(&place))?;
    let address = address.trim().to_owned();
    if address.parse::<smtpkit_codec::address::Mailbox>().is_err() {
        return Err(ConfigError::new("what stands before the colon is not a mail address", remedy).at(&place));
    }
    if stored.is_empty() {
        return Err(ConfigError::new(format!("the account {address} has no password"), remedy).at(&place));
    }
    let credential = StoredCredential::parse(stored).map_err(|error| {
        ConfigError::new(format!("{address}: {error}"), "make it anew with `smtpkit account hash`").at(&place)
    })?;
    Ok(AccountSetting { address, credential, send_as: Vec::new(), place })
}

pub(crate) fn read_secret_file(path: &Path, place: &Place) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|error| {
        ConfigError::new(format!("{}: {error}", path.display()), "name a readable UTF-8 file").at(place)
    })
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

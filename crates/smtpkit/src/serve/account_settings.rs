//! `--user`, `--user-file` and `[[account]]`: who may log in, and with which addresses each may send.
//!
//! No error repeats what stands behind the colon of an account: it may be a password.

use std::fs;
use std::path::Path;

use smtpkit_auth::{SendAs, StoredCredential};

use super::args::ServeArgs;
use super::config_file::{AccountTable, ConfigError, Loaded, Place, Sourced};

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

/// The accounts of the file, of the user file and of the flags.
pub(crate) fn read_accounts(
    args: &ServeArgs,
    loaded: Option<&Loaded>,
) -> Result<Vec<AccountSetting>, ConfigError> {
    let mut accounts = Vec::new();
    if let Some(loaded) = loaded {
        for table in &loaded.file.account {
            accounts.push(read_account(loaded, table)?);
        }
    }
    let in_file = loaded.and_then(|loaded| {
        let Sourced { value, place } = loaded.sourced(loaded.file.user_file.as_ref()?);
        Some(Sourced { value: loaded.resolve(&value), place })
    });
    let user_file = args.user_file.clone().map(|path| Sourced::flag(path, "--user-file")).or(in_file);
    if let Some(Sourced { value: path, place }) = user_file {
        let text = read_secret_file(&path, &place)?;
        accounts.extend(parse_user_file(&path, &text)?);
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

/// A file that holds a password or a hash.
pub(crate) fn read_secret_file(path: &Path, place: &Place) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|error| {
        ConfigError::new(format!("{}: {error}", path.display()), "name a readable UTF-8 file").at(place)
    })
}

//! What the data folder gets when nobody said more: one account, and the secret that makes answers for unknown users
//! look like those for known ones.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use smtpkit_auth::{HashCost, ScramHash, ScramKeys, Secret, StoredCredential, hash_password};

use super::account_settings::{AccountSetting, parse_user_file};
use super::config_file::ConfigError;

/// 32 characters, none of which is easily taken for another one.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const PASSWORD_CHARACTERS: usize = 20;
const ACCOUNTS: &str = "accounts";
const SERVER_SECRET: &str = "secret";
const SRS_KEYS: &str = "srs-keys";

/// The account that was made on the first start in a data folder.
pub(crate) struct FirstAccount {
    /// The account as settings take it; taken out when they have it.
    pub(crate) accounts: Vec<AccountSetting>,
    pub(crate) address: Option<String>,
    /// The password, only on the start that made it.
    pub(crate) password: Option<Secret>,
    pub(crate) file: PathBuf,
}

impl FirstAccount {
    /// Reads the account of `data`, or makes `me@domain` with a random password.
    pub(crate) fn open(data: &Path, domain: &str) -> Result<Self, ConfigError> {
        let file = data.join(ACCOUNTS);
        match fs::read_to_string(&file) {
            Ok(text) => return Self::with(parse_user_file(&file, &text)?, None, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unusable(&file, &error)),
        }
        let address = format!("me@{domain}");
        let password = random_password().map_err(|error| unusable(&file, &error))?;
        let stored = storable(&password).map_err(|error| unusable(&file, &error))?;
        let text = format!("# made on the first start; one ADDRESS:HASH a line\n{address}:{stored}\n");
        create_private(&file, text.as_bytes()).map_err(|error| unusable(&file, &error))?;
        Self::with(parse_user_file(&file, &text)?, Some(password), file)
    }

    fn with(
        accounts: Vec<AccountSetting>,
        password: Option<Secret>,
        file: PathBuf,
    ) -> Result<Self, ConfigError> {
        let address = accounts.first().map(|account| account.address.clone());
        Ok(Self { accounts, address, password, file })
    }
}

/// The argon2id hash and the SCRAM keys of a password, in the form that a user file takes.
pub(crate) fn storable(password: &Secret) -> io::Result<String> {
    let salt: [u8; 16] = random()?;
    let hash = hash_password(password, &salt, HashCost::default()).map_err(io::Error::other)?;
    let keys = ScramKeys::derive(ScramHash::Sha256, password, &salt, ScramKeys::ITERATIONS)
        .map_err(io::Error::other)?;
    let both = StoredCredential::hash(hash).and(StoredCredential::scram(keys));
    Ok(both.to_text().expose_str().unwrap_or_default().to_owned())
}

/// The secret of `data`, made on the first start.
pub(crate) fn server_secret(data: &Path) -> Result<Secret, ConfigError> {
    let file = data.join(SERVER_SECRET);
    match fs::read(&file) {
        Ok(octets) if octets.len() >= 32 => return Ok(Secret::new(octets)),
        Ok(_) => {
            return Err(ConfigError::new(
                format!("{} is cut short", file.display()),
                "remove it: the next start makes a new one",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unusable(&file, &error)),
    }
    let octets: [u8; 32] = random().map_err(|error| unusable(&file, &error))?;
    create_private(&file, &octets).map_err(|error| unusable(&file, &error))?;
    Ok(Secret::new(octets.to_vec()))
}

/// The keys that sign rewritten reverse-paths, one a line in hexadecimal; the first one signs. Made on the first start.
pub(crate) fn srs_keys(data: &Path) -> Result<Vec<Vec<u8>>, ConfigError> {
    let file = data.join(SRS_KEYS);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key: [u8; 16] = random().map_err(|error| unusable(&file, &error))?;
            let text = format!("{:032x}\n", u128::from_be_bytes(key));
            create_private(&file, text.as_bytes()).map_err(|error| unusable(&file, &error))?;
            text
        }
        Err(error) => return Err(unusable(&file, &error)),
    };
    let key = |line: &str| u128::from_str_radix(line.trim(), 16).ok().map(|key| key.to_be_bytes().to_vec());
    let keys: Option<Vec<Vec<u8>>> = text.lines().filter(|line| !line.trim().is_empty()).map(key).collect();
    keys.ok_or_else(|| {
        let what = format!("{} holds something that is no key", file.display());
        ConfigError::new(what, "write one key of 32 hexadecimal digits a line, the newest first")
    })
}

/// Makes the data folder, readable by its owner alone.
pub(crate) fn create_data_folder(data: &Path) -> Result<(), ConfigError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(data).map_err(|error| unusable(data, &error))
}

fn unusable(path: &Path, error: &io::Error) -> ConfigError {
    ConfigError::new(
        format!("{}: {error}", path.display()),
        "choose a folder that can be written to with --data",
    )
}

pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(io::Error::other)?;
    Ok(octets)
}

fn random_password() -> io::Result<Secret> {
    let octets: [u8; PASSWORD_CHARACTERS] = random()?;
    // 256 is a multiple of 32, so every character is equally likely
    let password: Vec<u8> =
        octets.iter().filter_map(|octet| ALPHABET.get(usize::from(octet % 32)).copied()).collect();
    Ok(Secret::new(password))
}

/// Writes a file that only its owner can read, whole or not at all.
fn create_private(path: &Path, octets: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(octets)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

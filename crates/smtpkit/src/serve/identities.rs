//! Certificates: those that were named, or the development identity of the data folder.

use std::time::SystemTime;

use smtpkit_tls::{Acceptor, DevelopmentIdentity, Identity, LoadError};

use super::config_file::{ConfigError, Place};
use super::settings::{Certificate, Settings};

/// Loads what the settings name, or makes the development identity; its warnings join those of the settings.
pub(crate) fn open(settings: &mut Settings) -> Result<Acceptor, ConfigError> {
    let identities = load(settings)?;
    let now = SystemTime::now();
    for identity in &identities {
        settings.warnings.extend(identity.warnings(now).iter().map(ToString::to_string));
    }
    Acceptor::builder(identities).build().map_err(|error| {
        ConfigError::new(error.to_string(), "choose another certificate with --cert and --key")
            .at(&place(settings))
    })
}

/// Loads the certificates anew into `acceptor`; connections that are open keep theirs.
pub(crate) fn reload(settings: &Settings, acceptor: &Acceptor) -> Result<(), ConfigError> {
    acceptor.reload(load(settings)?).map_err(|error| {
        ConfigError::new(error.to_string(), "choose another certificate with --cert and --key")
            .at(&place(settings))
    })
}

/// Checks the certificates that the settings name, without making anything.
pub(crate) fn check(settings: &Settings) -> Result<(), ConfigError> {
    if settings.certificates.is_empty() {
        return Ok(());
    }
    load_named(&settings.certificates).map(drop)
}

fn load(settings: &Settings) -> Result<Vec<Identity>, ConfigError> {
    if settings.certificates.is_empty() {
        let folder = settings.data.join("tls");
        let identity = DevelopmentIdentity::open(folder, &settings.hostname, SystemTime::now())
            .map_err(|error| refused(&error, &Place::Flag("--data".to_owned())))?;
        return Ok(vec![identity.into_identity()]);
    }
    load_named(&settings.certificates)
}

fn load_named(certificates: &[Certificate]) -> Result<Vec<Identity>, ConfigError> {
    certificates
        .iter()
        .map(|certificate| {
            Identity::from_pem_files(&certificate.chain, &certificate.key)
                .map_err(|error| refused(&error, &certificate.place))
        })
        .collect()
}

fn place(settings: &Settings) -> Place {
    settings
        .certificates
        .first()
        .map_or_else(|| Place::Flag("--cert".to_owned()), |first| first.place.clone())
}

/// A load error says its file, what is wrong and what to do, behind a semicolon.
fn refused(error: &LoadError, place: &Place) -> ConfigError {
    let text = error.to_string();
    let (what, remedy) = text.split_once("; ").unwrap_or((&text, "choose another one with --cert and --key"));
    ConfigError::new(what, remedy).at(place)
}

//! Certificates: those that were named, or the development identity of the data folder.

use std::time::SystemTime;

use smtpkit_tls::{Acceptor, Anchors, ClientCertificates, DevelopmentIdentity, Identity, LoadError};

use super::config_file::{ConfigError, Place};
use super::settings::{Certificate, Settings};

/// The TLS ends of the listeners, by who connects. A server that delivers mail is never asked for a certificate: many
/// have one that nobody here could check, and the handshake would fail over it.
pub(crate) struct Acceptors {
    pub(crate) servers: Acceptor,
    pub(crate) users: Acceptor,
}

/// Loads what the settings name, or makes the development identity; its warnings join those of the settings.
pub(crate) fn open(settings: &mut Settings) -> Result<Acceptors, ConfigError> {
    let identities = load(settings)?;
    let asked = client_certificates(settings)?;
    settings.warnings.extend(warnings(&identities));
    let unusable = |error| unusable(settings, &error);
    Ok(Acceptors {
        servers: Acceptor::builder(identities.clone()).build().map_err(unusable)?,
        users: Acceptor::builder(identities).client_certificates(asked).build().map_err(unusable)?,
    })
}

/// Loads the certificates anew into `acceptors`; connections that are open keep theirs.
pub(crate) fn reload(settings: &Settings, acceptors: &Acceptors) -> Result<(), ConfigError> {
    let identities = load(settings)?;
    for warning in warnings(&identities) {
        tracing::warn!("{warning}");
    }
    acceptors
        .servers
        .reload(identities.clone())
        .and_then(|()| acceptors.users.reload(identities))
        .map_err(|error| unusable(settings, &error))
}

/// Whom users' certificates are checked against: they may have one, and nobody has to.
fn client_certificates(settings: &Settings) -> Result<ClientCertificates, ConfigError> {
    let Some(file) = &settings.client_ca else { return Ok(ClientCertificates::Off) };
    let anchors = Anchors::from_pem_file(&file.value).map_err(|error| refused(&error, &file.place))?;
    Ok(ClientCertificates::Request(anchors))
}

fn warnings(identities: &[Identity]) -> Vec<String> {
    let now = SystemTime::now();
    identities.iter().flat_map(|identity| identity.warnings(now)).map(|warning| warning.to_string()).collect()
}

fn unusable(settings: &Settings, error: &smtpkit_tls::ConfigError) -> ConfigError {
    ConfigError::new(error.to_string(), "choose another certificate with --cert and --key")
        .at(&place(settings))
}

/// Checks the certificates that the settings name, without making anything.
pub(crate) fn check(settings: &Settings) -> Result<(), ConfigError> {
    client_certificates(settings)?;
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

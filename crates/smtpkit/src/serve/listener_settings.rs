//! `--listen` and `[[listener]]`: what each listener takes, from whom, and under which bounds.
//!
//! A set-up that would be unsafe is refused with its line: trust in everybody, passwords in the clear, local delivery for
//! strangers.

use smtpkit_server::Network;
use toml::Spanned;

use super::args::ServeArgs;
use super::config_file::{BareNewlineKey, ConfigError, ListenerTable, Loaded, Place, Sourced, TlsKey};
use super::limit_settings::Bounds;
use super::listen_url::{ListenAddress, ListenUrl, Scheme};

const LISTEN: [&str; 3] =
    ["mx://127.0.0.1:2525", "submission://127.0.0.1:2587", "submissions://127.0.0.1:2465"];

/// One listener.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) url: ListenUrl,
    pub(crate) place: Place,
    pub(crate) tls: TlsKey,
    /// Whether nothing is taken from clients that have not logged in.
    pub(crate) requires_auth: bool,
    pub(crate) bare_newline: BareNewlineKey,
    /// Networks that may relay without AUTH.
    pub(crate) trusted: Vec<Network>,
    /// Proxies that every connection comes through; empty for none.
    pub(crate) proxies: Vec<Network>,
    pub(crate) bounds: Bounds,
}

/// The listeners: those of the flags, else those of the file, else three on loopback.
pub(crate) fn read_listeners(
    args: &ServeArgs,
    loaded: Option<&Loaded>,
    bounds: &Bounds,
) -> Result<Vec<Listener>, ConfigError> {
    let listeners = read_all(args, loaded, bounds)?;
    for (at, listener) in listeners.iter().enumerate() {
        let has_any_port =
            matches!(&listener.url.address, ListenAddress::Tcp(address) if address.port() == 0);
        let mut before = listeners.iter().take(at);
        if !has_any_port && before.any(|other| other.url.address == listener.url.address) {
            let what = format!("{} is where another listener is, too", listener.url);
            return Err(
                ConfigError::new(what, "choose another port, or remove one of the two").at(&listener.place)
            );
        }
    }
    Ok(listeners)
}

fn read_all(
    args: &ServeArgs,
    loaded: Option<&Loaded>,
    bounds: &Bounds,
) -> Result<Vec<Listener>, ConfigError> {
    let tables: &[ListenerTable] = loaded.map_or(&[], |loaded| &loaded.file.listener);
    if let Some(loaded) = loaded
        && args.listen.is_empty()
        && !tables.is_empty()
    {
        return tables.iter().map(|table| read_listener(loaded, table, bounds)).collect();
    }
    let urls: Vec<&str> = if args.listen.is_empty() {
        LISTEN.to_vec()
    } else {
        args.listen.iter().map(String::as_str).collect()
    };
    urls.into_iter()
        .map(|url| {
            let Sourced { value: url, place } = parse_url(Sourced::flag(url.to_owned(), "--listen"))?;
            let tls = read_tls(&url, None, &place)?;
            Ok(Listener {
                tls,
                requires_auth: url.scheme.is_submission(),
                bare_newline: BareNewlineKey::Refuse,
                trusted: Vec::new(),
                proxies: Vec::new(),
                bounds: bounds.clone(),
                url,
                place,
            })
        })
        .collect()
}

fn read_listener(loaded: &Loaded, table: &ListenerTable, bounds: &Bounds) -> Result<Listener, ConfigError> {
    let Sourced { value: url, place } = parse_url(loaded.sourced(&table.url))?;
    let tls_key = table.tls.as_ref();
    let tls_place = tls_key.map_or_else(|| place.clone(), |key| loaded.place(key.span()));
    let tls = read_tls(&url, tls_key.map(|key| *key.get_ref()), &tls_place)?;
    let requires_auth = match table.require_auth.as_ref().map(|key| (*key.get_ref(), key.span())) {
        None => url.scheme.is_submission(),
        Some((false, span)) if url.scheme.is_submission() => {
            let what = format!("a {} listener takes mail only from who has logged in", url.scheme.name());
            let remedy = "list networks in trusted, or take mail for local domains with mx://";
            return Err(ConfigError::new(what, remedy).at(&loaded.place(span)));
        }
        Some((true, span)) if tls == TlsKey::Off => {
            return Err(ConfigError::new(
                "AUTH without TLS would show passwords to everybody on the way",
                "write tls = \"offer\", \"require\" or \"implicit\"",
            )
            .at(&loaded.place(span)));
        }
        Some((is_required, _)) => is_required,
    };
    let networks = |key: &Option<Vec<Spanned<String>>>| {
        read_networks(loaded, key.as_deref().unwrap_or_default(), Scope::Trust)
    };
    let bounds = match &table.limits {
        Some(limits) => bounds.clone().of_listener(loaded, limits)?,
        None => bounds.clone(),
    };
    Ok(Listener {
        tls,
        requires_auth,
        bare_newline: table.bare_newline.unwrap_or(BareNewlineKey::Refuse),
        trusted: networks(&table.trusted)?,
        proxies: networks(&table.proxy_protocol)?,
        bounds,
        url,
        place,
    })
}

fn parse_url(url: Sourced<String>) -> Result<Sourced<ListenUrl>, ConfigError> {
    match url.value.parse::<ListenUrl>() {
        Ok(value) => Ok(Sourced { value, place: url.place }),
        Err(error) => {
            Err(ConfigError::new(error.to_string(), "write it as mx://127.0.0.1:2525").at(&url.place))
        }
    }
}

/// What TLS a listener does: its scheme has a default, and refuses what contradicts it.
fn read_tls(url: &ListenUrl, key: Option<TlsKey>, place: &Place) -> Result<TlsKey, ConfigError> {
    let refused = |what: &str, remedy: &str| Err(ConfigError::new(what, remedy).at(place));
    match (url.scheme, key) {
        (Scheme::Mx | Scheme::Submission, None) => Ok(TlsKey::Offer),
        (Scheme::Submissions, None | Some(TlsKey::Implicit)) => Ok(TlsKey::Implicit),
        (Scheme::Submissions, Some(_)) => {
            refused("submissions:// is TLS from the first octet", "remove tls, or write submission://")
        }
        (Scheme::Submission, Some(TlsKey::Off)) => refused(
            "a submission listener without TLS would show passwords to everybody on the way",
            "write tls = \"offer\", \"require\" or \"implicit\"",
        ),
        (Scheme::Lmtp, None | Some(TlsKey::Off)) => match &url.address {
            ListenAddress::Tcp(address) if !address.ip().to_canonical().is_loopback() => refused(
                "lmtp without TLS serves this machine only",
                "listen on a loopback address, or write tls = \"require\"",
            ),
            _ => Ok(TlsKey::Off),
        },
        (_, Some(key)) => Ok(key),
    }
}

/// What a network is listed for; trust in everybody is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Trust,
    Exempt,
}

pub(crate) fn read_networks(
    loaded: &Loaded,
    texts: &[Spanned<String>],
    scope: Scope,
) -> Result<Vec<Network>, ConfigError> {
    texts.iter().map(|text| read_network(&loaded.sourced(text), scope)).collect()
}

/// One network, or one address.
pub(crate) fn read_network(text: &Sourced<String>, scope: Scope) -> Result<Network, ConfigError> {
    let network: Network = text.value.parse().map_err(|error: smtpkit_server::BadNetwork| {
        ConfigError::new(error.to_string(), "write it as 10.0.0.0/8 or fd00::/8").at(&text.place)
    })?;
    if scope == Scope::Trust && network.is_everything() {
        let what = format!("{network} would make this an open relay");
        return Err(ConfigError::new(what, "list only the networks of your own hosts").at(&text.place));
    }
    Ok(network)
}

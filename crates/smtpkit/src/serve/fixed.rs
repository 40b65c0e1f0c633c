//! The settings that only a start takes: a reload that finds them changed says so, and leaves them as they were.

use super::listener_settings::Listener;
use super::settings::Settings;

/// Such settings as they were at the start: the names of keys, and what they said.
pub(crate) struct Fixed(Vec<(&'static str, String)>);

impl Fixed {
    pub(crate) fn of(settings: &Settings) -> Self {
        let relay = &settings.relay;
        Self(vec![
            ("hostname", settings.hostname.clone()),
            ("data", settings.data.display().to_string()),
            ("listener", settings.listeners.iter().map(text_of_listener).collect()),
            ("limits", format!("{:?}", settings.bounds)),
            ("exempt", format!("{:?}", settings.exempt)),
            ("tls.client_ca", format!("{:?}", settings.client_ca.as_ref().map(|file| &file.value))),
            ("relay.trusted", format!("{:?}", relay.trusted)),
            ("relay.dns", format!("{:?}", relay.dns)),
            ("relay.mx_port", relay.mx_port.to_string()),
            ("relay.connect_timeout", format!("{:?}", relay.connect_timeout)),
            ("relay.retry, give_up or delay_notice", format!("{:?}", relay.schedule)),
            ("relay.max_deliveries, rate_per_site or site", format!("{:?}", relay.limits)),
            ("metrics", format!("{:?}", settings.metrics.as_ref().map(|address| address.value))),
            ("run_as", format!("{:?}", settings.run_as)),
            ("log_json", format!("{:?}", settings.log)),
            ("verbose", settings.verbosity.to_string()),
        ])
    }

    /// What of it `anew` has otherwise; empty if nothing.
    pub(crate) fn changed_in(&self, anew: &Settings) -> Vec<&'static str> {
        let anew = Self::of(anew);
        let both = self.0.iter().zip(anew.0);
        both.filter(|((_, before), (_, now))| before != now).map(|(_, (name, _))| name).collect()
    }
}

/// All of a listener but its place in the file, which may move.
fn text_of_listener(listener: &Listener) -> String {
    let Listener { url, place: _, tls, requires_auth, bare_newline, trusted, proxies, bounds } = listener;
    format!("{url} {tls:?} {requires_auth} {bare_newline:?} {trusted:?} {proxies:?} {bounds:?}\n")
}

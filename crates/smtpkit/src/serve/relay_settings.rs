//! `[relay]`, `[[route]]` and their flags: where mail goes that this system takes.
//!
//! Every value that cannot be used ends as one [`ConfigError`] with its place. Nothing here opens a file but those that
//! hold a password or a certificate.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use smtpkit_auth::Secret;
use smtpkit_client::Credentials;
use smtpkit_queue::Schedule;
use smtpkit_relay::{
    Destination, Directory, Limits, RouteError, Routes, RoutesBuilder, SiteLimits, Smarthost,
};
use smtpkit_server::Network;
use smtpkit_tls::{Anchors, Connector, Roots};

use super::account_settings::read_secret_file;
use super::args::ServeArgs;
use super::config_file::{ConfigError, Loaded, Place, RelayTable, RouteTable, Sourced};
use super::limit_settings::{read_rate, time};
use super::listener_settings::{Scope, read_network};

/// How long a connection may take to be made unless somebody says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Everything about the relay that can be said before the data folder is opened.
#[derive(Debug)]
pub(crate) struct RelaySettings {
    /// Networks that may relay without AUTH on every mx listener.
    pub(crate) trusted: Vec<Network>,
    pub(crate) smarthost: Option<Smarthost>,
    /// Name servers; empty for those of the system.
    pub(crate) dns: Vec<SocketAddr>,
    pub(crate) mx_port: u16,
    pub(crate) schedule: Schedule,
    pub(crate) connect_timeout: Duration,
    /// How much goes out at once, and how fast.
    pub(crate) limits: Limits,
    /// The rows of the routing table, in their order.
    rows: Vec<(Sourced<String>, Destination)>,
}

impl RelaySettings {
    /// Puts flags and file together.
    pub(crate) fn read(args: &ServeArgs, loaded: Option<&Loaded>) -> Result<Self, ConfigError> {
        let file = File { loaded, table: loaded.and_then(|loaded| loaded.file.relay.as_ref()) };
        let rows = loaded.map_or_else(
            || Ok(Vec::new()),
            |loaded| {
                let read = |table: &RouteTable| Ok((read_row(loaded, table)?, table.enabled != Some(false)));
                loaded.file.route.iter().map(read).collect::<Result<Vec<_>, ConfigError>>()
            },
        )?;
        let settings = Self {
            trusted: file.trusted(args)?,
            smarthost: file.smarthost(args)?,
            dns: file.dns(args)?,
            mx_port: file.mx_port(args)?,
            schedule: file.schedule(args)?,
            connect_timeout: file.connect_timeout()?,
            limits: file.limits()?,
            rows: rows.iter().map(|(row, _)| row.clone()).collect(),
        };
        // a pattern that means nothing is found now, with its line, also in a row that does not count
        settings.with_rows(Routes::builder("localhost", Directory::default()))?;
        let rows = rows.into_iter().filter_map(|(row, is_enabled)| is_enabled.then_some(row)).collect();
        Ok(Self { rows, ..settings })
    }

    /// The routing table, with the mailboxes of `directory` below it.
    pub(crate) fn routes(&self, hostname: &str, directory: &Directory) -> Result<RoutesBuilder, ConfigError> {
        let mut builder = self.with_rows(Routes::builder(hostname, directory.clone()))?;
        if let Some(smarthost) = &self.smarthost {
            builder = builder.smarthost(smarthost.clone());
        }
        Ok(builder)
    }

    fn with_rows(&self, mut builder: RoutesBuilder) -> Result<RoutesBuilder, ConfigError> {
        for (pattern, destination) in &self.rows {
            builder = builder.route(&pattern.value, destination.clone()).map_err(|error| {
                ConfigError::new(
                    error.to_string(),
                    "write match as an address, *@domain, user+*@domain or /expression/",
                )
                .at(&pattern.place)
            })?;
        }
        Ok(builder)
    }
}

/// The table of the file, if there is one.
struct File<'a> {
    loaded: Option<&'a Loaded>,
    table: Option<&'a RelayTable>,
}

impl File<'_> {
    fn value<T: Clone>(
        &self,
        pick: impl FnOnce(&RelayTable) -> Option<&toml::Spanned<T>>,
    ) -> Option<Sourced<T>> {
        Some(self.loaded?.sourced(pick(self.table?)?))
    }

    fn list(
        &self,
        pick: impl FnOnce(&RelayTable) -> Option<&Vec<toml::Spanned<String>>>,
    ) -> Vec<Sourced<String>> {
        let Some((loaded, list)) = self.loaded.zip(self.table.and_then(pick)) else { return Vec::new() };
        list.iter().map(|text| loaded.sourced(text)).collect()
    }

    fn trusted(&self, args: &ServeArgs) -> Result<Vec<Network>, ConfigError> {
        let texts = flags_or(&args.trusted, "--trusted", || self.list(|table| table.trusted.as_ref()));
        texts.iter().map(|text| read_network(text, Scope::Trust)).collect()
    }

    fn smarthost(&self, args: &ServeArgs) -> Result<Option<Smarthost>, ConfigError> {
        let url = args.smarthost.clone().map(|url| Sourced::flag(url, "--smarthost"));
        let Some(url) = url.or_else(|| self.value(|table| table.smarthost.as_ref())) else { return Ok(None) };
        let in_file = |path: Option<Sourced<PathBuf>>| {
            path.map(|path| Sourced {
                value: self.loaded.map_or_else(|| path.value.clone(), |loaded| loaded.resolve(&path.value)),
                place: path.place,
            })
        };
        let flag = |path: &Option<PathBuf>, name: &str| path.clone().map(|path| Sourced::flag(path, name));
        let password = flag(&args.smarthost_password_file, "--smarthost-password-file")
            .or_else(|| in_file(self.value(|table| table.smarthost_password_file.as_ref())));
        let ca = flag(&args.smarthost_ca, "--smarthost-ca")
            .or_else(|| in_file(self.value(|table| table.smarthost_ca.as_ref())));
        let ports = self.table.and_then(|table| table.smarthost_fallback_ports.clone()).unwrap_or_default();
        Ok(Some(read_smarthost(&url, password.as_ref(), ca.as_ref())?.with_fallback_ports(ports)))
    }

    fn dns(&self, args: &ServeArgs) -> Result<Vec<SocketAddr>, ConfigError> {
        let texts = flags_or(&args.dns, "--dns", || self.list(|table| table.dns.as_ref()));
        let read = |text: &Sourced<String>| {
            let address = text.value.parse().ok();
            let address = address.or_else(|| Some(SocketAddr::new(text.value.parse().ok()?, 53)));
            address.ok_or_else(|| {
                let what = format!("`{}` is not the address of a name server", text.value);
                ConfigError::new(what, "write it as 127.0.0.1 or 127.0.0.1:5353").at(&text.place)
            })
        };
        texts.iter().map(read).collect()
    }

    fn mx_port(&self, args: &ServeArgs) -> Result<u16, ConfigError> {
        let port = args.mx_port.map(|port| Sourced::flag(port, "--mx-port"));
        match port.or_else(|| self.value(|table| table.mx_port.as_ref())) {
            Some(port) if port.value == 0 => {
                Err(ConfigError::new("no MX host listens on port 0", "remove it: the default is 25")
                    .at(&port.place))
            }
            port => Ok(port.map_or(25, |port| port.value)),
        }
    }

    fn connect_timeout(&self) -> Result<Duration, ConfigError> {
        match self.value(|table| table.connect_timeout.as_ref()) {
            Some(text) => time(&text.value, &text.place),
            None => Ok(CONNECT_TIMEOUT),
        }
    }

    fn limits(&self) -> Result<Limits, ConfigError> {
        let mut limits = Limits::default();
        if let Some(count) = self.value(|table| table.max_deliveries.as_ref()) {
            limits.deliveries_max = positive("max_deliveries", &count)?;
            limits.unproven_max = (limits.deliveries_max * 3 / 4).max(1);
        }
        if let Some(count) = self.value(|table| table.max_deliveries_per_site.as_ref()) {
            limits.site_max = positive("max_deliveries_per_site", &count)?;
        }
        if let Some(rate) = self.value(|table| table.rate_per_site.as_ref()) {
            limits.site_rate = Some(read_rate("rate_per_site", &rate)?);
        }
        let Some(loaded) = self.loaded else { return Ok(limits) };
        for table in &loaded.file.site {
            let domain = loaded.sourced(&table.domain);
            let name: smtpkit_codec::address::Domain = domain.value.parse().map_err(|_| {
                ConfigError::new(format!("`{}` is not a domain", domain.value), "write it as example.com")
                    .at(&domain.place)
            })?;
            let count = table.max_deliveries.as_ref().map(|count| loaded.sourced(count));
            let rate = table.rate.as_ref().map(|rate| loaded.sourced(rate));
            let site = SiteLimits {
                deliveries_max: count.map(|count| positive("max_deliveries", &count)).transpose()?,
                rate: rate.map(|rate| read_rate("rate", &rate)).transpose()?,
            };
            limits.sites.insert(name.to_string().to_ascii_lowercase().into(), site);
        }
        Ok(limits)
    }

    fn schedule(&self, args: &ServeArgs) -> Result<Schedule, ConfigError> {
        let flag = |text: &Option<String>, name: &str| text.clone().map(|text| Sourced::flag(text, name));
        let retry: Vec<String> =
            args.retry.iter().flat_map(|list| list.split(',')).map(|text| text.trim().to_owned()).collect();
        let in_file = self.value(|table| table.retry.as_ref());
        if let Some(empty) = in_file.as_ref().filter(|list| list.value.is_empty()) {
            let remedy = "name at least one time, or remove it";
            return Err(
                ConfigError::new("retry = [] would try once and never again", remedy).at(&empty.place)
            );
        }
        let retry = flags_or(&retry, "--retry", || {
            self.list(|table| table.retry.as_ref().map(toml::Spanned::get_ref))
        });
        let mut schedule = Schedule::default();
        if let Some(first) = retry.first() {
            let intervals = retry.iter().map(read_duration).collect::<Result<Vec<_>, _>>()?;
            schedule = Schedule::new(intervals).map_err(|error| {
                ConfigError::new(error.to_string(), "write it as retry = [\"1m\", \"5m\", \"1h\"]")
                    .at(&first.place)
            })?;
        }
        let give_up = flag(&args.give_up, "--give-up").or_else(|| self.value(|table| table.give_up.as_ref()));
        if let Some(text) = give_up {
            schedule = schedule.with_give_up(read_duration(&text)?);
        }
        let notice = flag(&args.delay_notice, "--delay-notice")
            .or_else(|| self.value(|table| table.delay_notice.as_ref()));
        if let Some(text) = notice {
            let delay = if text.value == "never" { None } else { Some(read_duration(&text)?) };
            schedule = schedule.with_delay_notice(delay);
        }
        Ok(schedule)
    }
}

/// A number of deliveries; none at all would keep mail here for ever.
fn positive(name: &str, count: &Sourced<usize>) -> Result<usize, ConfigError> {
    if count.value > 0 {
        return Ok(count.value);
    }
    let what = format!("{name} = 0 would send nothing");
    Err(ConfigError::new(what, "raise it, or hold the mail with `smtpkit queue hold`").at(&count.place))
}

fn flags_or(
    flags: &[String],
    name: &str,
    file: impl FnOnce() -> Vec<Sourced<String>>,
) -> Vec<Sourced<String>> {
    if flags.is_empty() {
        return file();
    }
    flags.iter().map(|text| Sourced::flag(text.clone(), name)).collect()
}

/// `90s`, `5m`, `4h`, `5d`.
fn read_duration(text: &Sourced<String>) -> Result<Duration, ConfigError> {
    duration(&text.value).ok_or_else(|| {
        ConfigError::new(format!("`{}` is not a length of time", text.value), "write it as 90s, 5m, 4h or 5d")
            .at(&text.place)
    })
}

/// A number and one of s, m, h, d.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

fn read_smarthost(
    url: &Sourced<String>,
    password: Option<&Sourced<PathBuf>>,
    ca: Option<&Sourced<PathBuf>>,
) -> Result<Smarthost, ConfigError> {
    let remedy = "write it as smtps://user@mail.example.test";
    let mut smarthost = Smarthost::new(&url.value)
        .map_err(|error| ConfigError::new(error.to_string(), remedy).at(&url.place))?;
    match (smarthost.url().user().map(str::to_owned), password) {
        (Some(user), Some(file)) => {
            let text = read_secret_file(&file.value, &file.place)?;
            let secret = Secret::from(text.trim_end_matches(['\r', '\n']));
            smarthost = smarthost.with_credentials(Credentials::password(user, secret));
        }
        (Some(user), None) => {
            let what = format!("no password for {user}");
            return Err(ConfigError::new(
                what,
                "name a file that holds it: smarthost_password_file, or password_file in a route",
            )
            .at(&url.place));
        }
        (None, Some(file)) => {
            let what = "a password without a user";
            return Err(ConfigError::new(what, "name the user in the URL: smtps://user@host").at(&file.place));
        }
        (None, None) => {}
    }
    if let Some(file) = ca {
        smarthost = smarthost.with_tls(connector(&file.value, &file.place)?);
    }
    Ok(smarthost)
}

fn connector(file: &Path, place: &Place) -> Result<Connector, ConfigError> {
    let bad =
        |error: String| ConfigError::new(error, "name a PEM file with the certificate of the CA").at(place);
    let anchors = Anchors::from_pem_file(file).map_err(|error| bad(error.to_string()))?;
    Connector::builder().roots(Roots::PlatformAnd(anchors)).build().map_err(|error| bad(error.to_string()))
}

fn read_row(loaded: &Loaded, table: &RouteTable) -> Result<(Sourced<String>, Destination), ConfigError> {
    let pattern = loaded.sourced(&table.pattern);
    let bad = |error: RouteError, place: &Place| {
        ConfigError::new(error.to_string(), "`smtpkit serve --help` shows what a route takes").at(place)
    };
    let mut found = Vec::new();
    if let Some(targets) = &table.to {
        let texts: Vec<&str> = targets.iter().map(|text| text.get_ref().as_str()).collect();
        let destination = match &table.owner {
            Some(owner) => Destination::list(owner.get_ref(), texts),
            None => Destination::alias(texts),
        };
        found.push(destination.map_err(|error| bad(error, &pattern.place))?);
    }
    if let Some(folder) = &table.maildir {
        found.push(Destination::Maildir(loaded.resolve(folder.get_ref())));
    }
    if let Some(url) = &table.lmtp {
        found.push(Destination::lmtp(url.get_ref()).map_err(|error| bad(error, &loaded.place(url.span())))?);
    }
    if let Some(url) = &table.smarthost {
        let file = |path: &Option<toml::Spanned<PathBuf>>| {
            let path = path.as_ref()?;
            Some(Sourced { value: loaded.resolve(path.get_ref()), place: loaded.place(path.span()) })
        };
        let (password, ca) = (file(&table.password_file), file(&table.ca));
        found.push(Destination::smarthost(read_smarthost(
            &loaded.sourced(url),
            password.as_ref(),
            ca.as_ref(),
        )?));
    }
    if let Some(reply) = &table.reject {
        found.push(
            Destination::reject(reply.get_ref()).map_err(|error| bad(error, &loaded.place(reply.span())))?,
        );
    }
    if table.discard == Some(true) {
        found.push(Destination::Discard);
    }
    let count = found.len();
    match (found.pop(), count) {
        (Some(destination), 1) => Ok((pattern, destination)),
        _ => {
            let what = format!("the route for {} leads to {count} places", pattern.value);
            Err(ConfigError::new(what, "give it one of to, maildir, lmtp, smarthost, reject and discard")
                .at(&pattern.place))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(duration(text), seconds.map(Duration::from_secs), "{text}");
        };
        check("90s", Some(90));
        check("5m", Some(300));
        check("4h", Some(14_400));
        check("5d", Some(432_000));
        check("5", None);
        check("m", None);
        check("-1m", None);
        check("1.5h", None);
        check("9999999999999999999d", None);
    }
}

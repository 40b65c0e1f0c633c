//! `[limits]` of the file, and `limits` of a listener: the same keys, of which the listener's go before the others.
//!
//! A limit of zero would be a server that serves nobody, and is more likely meant as "no limit": it is refused with its
//! line. Defaults are those of the server library.

use std::time::Duration;

use smtpkit_server::{Limits, Network, Rate, ServerTimeouts};
use toml::Spanned;

use super::args::ServeArgs;
use super::config_file::{ConfigError, LimitsTable, Loaded, Place, Sourced};
use super::listener_settings::{Scope, read_networks};
use super::relay_settings::duration;

/// The smallest message limit that RFC 5321 §4.5.3.1.7 allows.
const MESSAGE_OCTETS_MAX_LEAST: u64 = 64 * 1024;
/// Addresses without limits of their own unless somebody says otherwise.
const EXEMPT: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// The bounds of one listener, or of all that say nothing.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    pub(crate) limits: Limits,
    pub(crate) timeouts: ServerTimeouts,
    pub(crate) greeting_delay: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            timeouts: ServerTimeouts::default(),
            greeting_delay: Duration::ZERO,
        }
    }
}

impl Bounds {
    /// Flags and file, for every listener.
    pub(crate) fn read(args: &ServeArgs, loaded: Option<&Loaded>) -> Result<Self, ConfigError> {
        let mut bounds = Self::default();
        if let Some(loaded) = loaded {
            let file = &loaded.file;
            let keys = Keys { loaded };
            keys.size(&file.max_message_size, &mut bounds.limits.message_octets_max)?;
            keys.count("max_recipients", &file.max_recipients, &mut bounds.limits.recipients_max)?;
            keys.count("max_connections", &file.max_connections, &mut bounds.limits.connections_max)?;
            keys.count(
                "max_connections_per_address",
                &file.max_connections_per_address,
                &mut bounds.limits.connections_per_address_max,
            )?;
            if let Some(table) = &file.limits {
                bounds = bounds.with(loaded, table)?;
                read_rates(&keys, table, &mut bounds.limits)?;
                keys.time(&table.grace, &mut bounds.limits.grace)?;
            }
        }
        if let Some(size) = args.max_message_size {
            bounds.limits.message_octets_max = checked_size(Sourced::flag(size, "--max-message-size"))?;
        }
        Ok(bounds)
    }

    /// The same for a listener with a table of its own.
    pub(crate) fn of_listener(self, loaded: &Loaded, table: &LimitsTable) -> Result<Self, ConfigError> {
        let keys = rates(table).into_iter().chain([("grace", &table.grace)]);
        let mut places = keys.filter_map(|(name, key)| Some((name, key.as_ref()?.span())));
        if let Some((name, span)) = places.next() {
            let what = format!("{name} counts for the whole server");
            return Err(ConfigError::new(what, "write it below [limits]").at(&loaded.place(span)));
        }
        self.with(loaded, table)
    }

    fn with(mut self, loaded: &Loaded, table: &LimitsTable) -> Result<Self, ConfigError> {
        let keys = Keys { loaded };
        let Self { limits, timeouts, .. } = &mut self;
        keys.size(&table.max_message_size, &mut limits.message_octets_max)?;
        keys.count("max_recipients", &table.max_recipients, &mut limits.recipients_max)?;
        keys.count("max_hops", &table.max_hops, &mut limits.hops_max)?;
        if table.max_transactions.is_some() {
            let mut count = 0;
            keys.count("max_transactions", &table.max_transactions, &mut count)?;
            limits.transactions_max = Some(count);
        }
        keys.count("soft_errors", &table.soft_errors, &mut limits.soft_errors)?;
        keys.count("hard_errors", &table.hard_errors, &mut limits.hard_errors)?;
        keys.count("max_auth_failures", &table.max_auth_failures, &mut limits.auth_failures_max)?;
        keys.count("max_idle_commands", &table.max_idle_commands, &mut limits.idle_commands_max)?;
        keys.time(&table.proxy_timeout, &mut limits.proxy_header)?;
        keys.time(&table.tls_timeout, &mut limits.tls_handshake)?;
        keys.time(&table.command_timeout, &mut timeouts.command)?;
        keys.time(&table.line_end_timeout, &mut timeouts.line_end)?;
        keys.time(&table.data_timeout, &mut timeouts.data_block)?;
        keys.time(&table.reply_timeout, &mut timeouts.reply)?;
        keys.time(&table.error_delay, &mut timeouts.error_delay)?;
        keys.time(&table.max_error_delay, &mut timeouts.error_delay_max)?;
        if table.session_timeout.is_some() {
            let mut time = Duration::ZERO;
            keys.time(&table.session_timeout, &mut time)?;
            timeouts.session = Some(time);
        }
        if let Some(rate) = &table.min_data_rate {
            timeouts.content_octets_per_second_min = *rate.get_ref();
        }
        keys.time(&table.greeting_delay, &mut self.greeting_delay)?;
        Ok(self)
    }
}

/// The keys that say how much of something there may be in a time: they count for all listeners together.
fn rates(table: &LimitsTable) -> [(&'static str, &Option<Spanned<String>>); 8] {
    [
        ("connection_rate", &table.connection_rate),
        ("connection_rate_total", &table.connection_rate_total),
        ("message_rate", &table.message_rate),
        ("message_rate_total", &table.message_rate_total),
        ("recipient_rate", &table.recipient_rate),
        ("recipient_rate_total", &table.recipient_rate_total),
        ("unknown_recipient_rate", &table.unknown_recipient_rate),
        ("auth_failure_rate", &table.auth_failure_rate),
    ]
}

fn read_rates(keys: &Keys<'_>, table: &LimitsTable, limits: &mut Limits) -> Result<(), ConfigError> {
    for (name, key) in rates(table) {
        let Some(key) = key else { continue };
        let rate = read_rate(name, &keys.loaded.sourced(key))?;
        let place = match name {
            "connection_rate" => &mut limits.connection_rate,
            "connection_rate_total" => &mut limits.connection_rate_total,
            "message_rate" => &mut limits.message_rate,
            "message_rate_total" => &mut limits.message_rate_total,
            "recipient_rate" => &mut limits.recipient_rate,
            "recipient_rate_total" => &mut limits.recipient_rate_total,
            "unknown_recipient_rate" => &mut limits.unknown_recipient_rate,
            _ => {
                let guesses = &mut limits.auth_failures_per_address;
                (guesses.failures_max, guesses.window) = (rate.count, rate.per);
                continue;
            }
        };
        *place = Some(rate);
    }
    Ok(())
}

/// The networks whose clients have no limits of their own.
pub(crate) fn read_exempt(loaded: Option<&Loaded>) -> Result<Vec<Network>, ConfigError> {
    match loaded.and_then(|loaded| Some((loaded, loaded.file.exempt.as_deref()?))) {
        Some((loaded, texts)) => read_networks(loaded, texts, Scope::Exempt),
        None => Ok(EXEMPT.iter().filter_map(|text| text.parse().ok()).collect()),
    }
}

/// Reads the keys of one table.
struct Keys<'a> {
    loaded: &'a Loaded,
}

impl Keys<'_> {
    fn count<T: TryFrom<u64>>(
        &self,
        name: &str,
        key: &Option<Spanned<u64>>,
        into: &mut T,
    ) -> Result<(), ConfigError> {
        let Some(key) = key else { return Ok(()) };
        let Sourced { value, place } = self.loaded.sourced(key);
        if value == 0 {
            let what = format!("{name} = 0 would refuse everybody");
            return Err(ConfigError::new(what, "raise it or remove it").at(&place));
        }
        *into = T::try_from(value).map_err(|_| {
            ConfigError::new(format!("{name} = {value} is beyond all bounds"), "lower it or remove it")
                .at(&place)
        })?;
        Ok(())
    }

    fn size(&self, key: &Option<Spanned<u64>>, into: &mut u64) -> Result<(), ConfigError> {
        if let Some(key) = key {
            *into = checked_size(self.loaded.sourced(key))?;
        }
        Ok(())
    }

    fn time(&self, key: &Option<Spanned<String>>, into: &mut Duration) -> Result<(), ConfigError> {
        let Some(key) = key else { return Ok(()) };
        let Sourced { value, place } = self.loaded.sourced(key);
        *into = time(&value, &place)?;
        Ok(())
    }
}

/// So many in a time, such as `60/1m`.
pub(crate) fn read_rate(name: &str, text: &Sourced<String>) -> Result<Rate, ConfigError> {
    let Sourced { value, place } = text;
    let rate = value.split_once('/').and_then(|(count, per)| {
        let (count, per) = (count.trim().parse().ok()?, duration(per.trim())?);
        Some(Rate { count, per })
    });
    rate.filter(|rate| rate.count > 0 && !rate.per.is_zero()).ok_or_else(|| {
        let what = format!("{name} = \"{value}\" is not so many in a time");
        ConfigError::new(what, "write it as \"60/1m\"").at(place)
    })
}

/// A length of time that is not nothing.
pub(crate) fn time(text: &str, place: &Place) -> Result<Duration, ConfigError> {
    duration(text).filter(|time| !time.is_zero()).ok_or_else(|| {
        let what = format!("`{text}` is not a length of time");
        ConfigError::new(what, "write it as 90s, 5m or 4h").at(place)
    })
}

fn checked_size(size: Sourced<u64>) -> Result<u64, ConfigError> {
    if size.value >= MESSAGE_OCTETS_MAX_LEAST {
        return Ok(size.value);
    }
    let what = format!("a message limit of {} octets is below the 65536 that RFC 5321 asks for", size.value);
    Err(ConfigError::new(what, "raise it").at(&size.place))
}

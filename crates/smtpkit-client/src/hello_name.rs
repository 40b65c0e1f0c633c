//! The name that a client gives in EHLO (RFC 5321 §4.1.1.1): the system's host name if it is a full one, else the
//! address of the connection's own end as a literal. Never "localhost", which servers refuse and which says nothing.

use smtpkit_codec::{AddressLiteral, ClientName};
use std::net::{IpAddr, Ipv4Addr};

/// The name for a connection whose own end has `local` as its address; `None` for a Unix socket.
pub(crate) fn hello_name(local: Option<IpAddr>) -> String {
    let host = rustix::system::uname().nodename().to_str().ok().map(str::to_owned);
    choose(host.as_deref(), local)
}

fn choose(host: Option<&str>, local: Option<IpAddr>) -> String {
    if let Some(host) = host.filter(|host| is_full(host)) {
        return host.to_ascii_lowercase();
    }
    match local.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).to_canonical() {
        IpAddr::V4(address) => AddressLiteral::V4(address).to_string(),
        IpAddr::V6(address) => AddressLiteral::V6(address).to_string(),
    }
}

/// Whether a host name means something to others: it has two labels or more and is no name for the own machine.
fn is_full(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let is_local =
        ["localhost", "localhost.localdomain"].iter().any(|local| host.eq_ignore_ascii_case(local))
            || host.to_ascii_lowercase().ends_with(".local");
    host.contains('.') && !is_local && ClientName::new(host).is_ok_and(|name| name.is_standard())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_is_never_said() {
        let local = Some("192.0.2.7".parse().expect("an address"));
        let check = |host: Option<&str>, expected: &str| {
            assert_eq!(choose(host, local), expected, "{host:?}");
        };
        check(Some("mail.example.test"), "mail.example.test");
        check(Some("Mail.Example.Test"), "mail.example.test");
        check(Some("mail"), "[192.0.2.7]");
        check(Some("localhost"), "[192.0.2.7]");
        check(Some("localhost.localdomain"), "[192.0.2.7]");
        check(Some("bad name.test"), "[192.0.2.7]");
        check(None, "[192.0.2.7]");
        assert_eq!(choose(None, Some("::1".parse().expect("an address"))), "[IPv6:::1]");
        assert_eq!(choose(None, None), "[127.0.0.1]");
    }
}

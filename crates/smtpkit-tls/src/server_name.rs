//! The name that a server's certificate must carry (RFC 9525), from what a person types.

use std::net::{IpAddr, Ipv6Addr};

use rustls::pki_types::{DnsName, ServerName};

/// Makes the name that a server must prove, from a host name, an IP address or an address literal (RFC 5321 §4.1.3).
///
/// Takes `mx.example.test`, `mx.example.test.`, `192.0.2.1`, `2001:db8::1`, `[192.0.2.1]`, `[2001:db8::1]` and
/// `[IPv6:2001:db8::1]`. A name beyond ASCII must come as A-labels (RFC 5891).
///
/// ```
/// # fn main() -> Result<(), smtpkit_tls::InvalidName> {
/// assert_eq!(smtpkit_tls::server_name("mx.example.test.")?.to_str(), "mx.example.test");
/// assert_eq!(smtpkit_tls::server_name("[IPv6:::1]")?.to_str(), "::1");
/// assert!(smtpkit_tls::server_name("mx example").is_err());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`InvalidName`] for anything that no certificate can be checked against.
pub fn server_name(host: &str) -> Result<ServerName<'static>, InvalidName> {
    let invalid = || InvalidName { host: host.escape_debug().to_string() };
    if let Some(literal) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address_literal(literal).map(|ip| ServerName::IpAddress(ip.into())).ok_or_else(invalid);
    }
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(ServerName::IpAddress(ip.into()));
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    DnsName::try_from(name).map(ServerName::DnsName).map_err(|_| invalid())
}

fn address_literal(literal: &str) -> Option<IpAddr> {
    match literal.split_at_checked(5) {
        Some((tag, address)) if tag.eq_ignore_ascii_case("IPv6:") => {
            address.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
        }
        _ => literal.parse().ok(),
    }
}

/// The text is neither a host name nor an IP address, so no certificate can be checked against it.
///
/// ```
/// let error = smtpkit_tls::server_name("").unwrap_err();
/// assert!(error.to_string().contains("not a host name"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{host}` is not a host name or IP address that a certificate could prove; write names beyond ASCII as A-labels"
)]
pub struct InvalidName {
    host: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_addresses_and_literals_are_names() {
        let check = |host: &str, expected: Option<&str>| {
            let name = server_name(host).ok().map(|name| name.to_str().into_owned());
            assert_eq!(name.as_deref(), expected, "{host:?}");
        };
        check("mx.example.test", Some("mx.example.test"));
        check("MX.Example.TEST.", Some("mx.example.test"));
        check("localhost", Some("localhost"));
        check("xn--bcher-kva.example", Some("xn--bcher-kva.example"));
        check("192.0.2.1", Some("192.0.2.1"));
        check("::1", Some("::1"));
        check("[192.0.2.1]", Some("192.0.2.1"));
        check("[::1]", Some("::1"));
        check("[ipv6:2001:db8::1]", Some("2001:db8::1"));
        for host in [
            "",
            ".",
            "bücher.example",
            "a b",
            "a\r\nb",
            "[mx.example.test]",
            "[]",
            "[IPv6:192.0.2.1]",
            "a..b",
        ] {
            check(host, None);
        }
    }

    #[test]
    fn an_invalid_name_is_shown_on_one_line() {
        let error = server_name("mx\r\n250 ok").expect_err("control characters name no host");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

//! Networks of addresses: whom to trust, whom to exempt from limits.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// A range of addresses in CIDR notation (RFC 4632 §3.1).
///
/// An IPv4 address that comes as an IPv6 one (`::ffff:192.0.2.1`) is taken for what it is.
///
/// ```
/// use smtpkit_server::Network;
///
/// let network: Network = "10.0.0.0/8".parse()?;
/// assert!(network.contains("10.1.2.3".parse()?));
/// assert!(network.contains("::ffff:10.1.2.3".parse()?));
/// assert!("10.0.0.1/8".parse::<Network>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no [`Network`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadNetwork {
    /// What stands before the slash is no IP address.
    #[error("{0:?} is no IP address")]
    Address(String),
    /// What stands after the slash is no prefix length of the address.
    #[error("{0:?} is no prefix length of this address")]
    Prefix(String),
    /// The address has bits beyond the prefix.
    #[error("the network of this prefix is {0}")]
    HostBits(Network),
}

impl Network {
    /// The addresses by which a machine talks to itself (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3).
    pub const LOOPBACK: [Self; 2] = [
        Self { address: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), prefix: 8 },
        Self { address: IpAddr::V6(Ipv6Addr::LOCALHOST), prefix: 128 },
    ];

    /// Whether `address` is in this network.
    pub fn contains(&self, address: IpAddr) -> bool {
        mask(address.to_canonical(), self.prefix) == Some(self.address)
    }

    /// Whether this is every address there is, of either family.
    pub const fn is_everything(&self) -> bool {
        self.prefix == 0
    }
}

/// `address` without the bits beyond `prefix`; `None` if it has not so many.
fn mask(address: IpAddr, prefix: u8) -> Option<IpAddr> {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(v4) => {
            let host = 32_u32.checked_sub(prefix)?;
            let bits = u32::MAX.checked_shl(host).unwrap_or(0);
            Some(IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & bits)))
        }
        IpAddr::V6(v6) => {
            let host = 128_u32.checked_sub(prefix)?;
            let bits = u128::MAX.checked_shl(host).unwrap_or(0);
            Some(IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & bits)))
        }
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let parsed: IpAddr = address.parse().map_err(|_| BadNetwork::Address(address.to_owned()))?;
        let longest = if parsed.is_ipv4() { 32 } else { 128 };
        let bad_prefix = || BadNetwork::Prefix(prefix.unwrap_or_default().to_owned());
        let prefix_len = prefix.map_or(Ok(longest), |prefix| prefix.parse().map_err(|_| bad_prefix()))?;
        let network = mask(parsed, prefix_len).ok_or_else(bad_prefix)?;
        let network = Self { address: network, prefix: prefix_len };
        if network.address == parsed { Ok(network) } else { Err(BadNetwork::HostBits(network)) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn membership() {
        for (network, address, expected) in [
            ("127.0.0.0/8", "127.255.0.1", true),
            ("127.0.0.0/8", "128.0.0.1", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "192.0.2.1", false),
        ] {
            let parsed: Network = network.parse().unwrap();
            assert_eq!(parsed.contains(address.parse().unwrap()), expected, "{address} in {network}");
        }
    }

    #[test]
    fn what_is_no_network() {
        for (text, expected) in [
            ("", "\"\" is no IP address"),
            ("localhost/8", "\"localhost\" is no IP address"),
            ("10.0.0.0/33", "\"33\" is no prefix length of this address"),
            ("10.0.0.0/-1", "\"-1\" is no prefix length of this address"),
            ("::/129", "\"129\" is no prefix length of this address"),
            ("10.0.0.1/8", "the network of this prefix is 10.0.0.0/8"),
        ] {
            assert_eq!(text.parse::<Network>().unwrap_err().to_string(), expected, "{text}");
        }
    }
}

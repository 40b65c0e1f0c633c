//! The resolver that asks real name servers: those of the system, or those that the operator lists.
//!
//! It caches as long as the records allow, follows CNAME records, and adds no search domain: mail domains are whole names.

use std::net::{IpAddr, SocketAddr};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ServerOrderingStrategy,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RData;

use super::{Lookup, LookupError, Mx, Resolver};

/// Asks name servers over UDP and TCP.
///
/// ```
/// use smtpkit_relay::HickoryResolver;
///
/// let resolver = HickoryResolver::with_servers(&["127.0.0.1:5353".parse()?])?;
/// # drop(resolver);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HickoryResolver(TokioResolver);

/// Why there is no resolver: the system's settings cannot be read, or no name server is named.
#[derive(Clone, Debug, thiserror::Error)]
#[error("name servers: {0}")]
pub struct ResolverError(Box<str>);

impl HickoryResolver {
    /// With the name servers of the system.
    ///
    /// # Errors
    /// If the system does not say which.
    pub fn system() -> Result<Self, ResolverError> {
        let builder =
            TokioResolver::builder_tokio().map_err(|error| ResolverError(error.to_string().into()))?;
        Self::build(builder)
    }

    /// With these name servers, asked in their order.
    ///
    /// # Errors
    /// If the list is empty.
    pub fn with_servers(servers: &[SocketAddr]) -> Result<Self, ResolverError> {
        if servers.is_empty() {
            return Err(ResolverError("the list is empty".into()));
        }
        let servers = servers.iter().map(|server| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = server.port();
                connection
            });
            NameServerConfig::new(server.ip(), true, connections.into())
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        builder.options_mut().server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
        Self::build(builder)
    }

    fn build(
        mut builder: hickory_resolver::ResolverBuilder<TokioRuntimeProvider>,
    ) -> Result<Self, ResolverError> {
        builder.options_mut().ip_strategy = LookupIpStrategy::Ipv6AndIpv4;
        builder.build().map(Self).map_err(|error| ResolverError(error.to_string().into()))
    }
}

impl std::fmt::Debug for HickoryResolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HickoryResolver")
    }
}

impl Resolver for HickoryResolver {
    fn mx<'a>(&'a self, domain: &'a str) -> Lookup<'a, Vec<Mx>> {
        Box::pin(async move {
            let answer = self.0.mx_lookup(absolute(domain)).await.map_err(|error| failed(&error))?;
            let records: Vec<Mx> = answer
                .answers()
                .iter()
                .filter_map(|record| match &record.data {
                    RData::MX(mx) => Some(Mx::new(mx.preference, &mx.exchange.to_ascii())),
                    _ => None,
                })
                .collect();
            if records.is_empty() { Err(LookupError::NoRecords) } else { Ok(records) }
        })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> Lookup<'a, Vec<IpAddr>> {
        Box::pin(async move {
            if let Ok(address) = host.parse() {
                return Ok(vec![address]);
            }
            let answer = self.0.lookup_ip(absolute(host)).await.map_err(|error| failed(&error))?;
            let addresses: Vec<IpAddr> = answer.iter().collect();
            if addresses.is_empty() { Err(LookupError::NoRecords) } else { Ok(addresses) }
        })
    }
}

/// With the final dot that keeps search domains out.
fn absolute(name: &str) -> String {
    format!("{}.", name.strip_suffix('.').unwrap_or(name))
}

fn failed(error: &NetError) -> LookupError {
    let temporary = || LookupError::Temporary(error.to_string().into());
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => LookupError::NoSuchName,
            ResponseCode::NoError => LookupError::NoRecords,
            _ => temporary(),
        },
        _ => temporary(),
    }
}

//! Why a server cannot be set up: every unsafe or impossible wish is an error, before a port is opened.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

/// Why a server was not set up. The fault is the operator's, but for [`Bind`](Self::Bind) and
/// [`BindPath`](Self::BindPath), where it is the machine's or another program's.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The host name is no domain name.
    #[error("host name {name:?} is no domain name")]
    Hostname {
        /// What was given.
        name: String,
    },
    /// A limit is zero.
    #[error("limit {limit} is zero")]
    ZeroLimit {
        /// Its name.
        limit: &'static str,
    },
    /// A whole address family was to be trusted.
    #[error("{list} contains {network}, which is everybody")]
    TrustsEverybody {
        /// Which list.
        list: &'static str,
        /// The network.
        network: crate::Network,
    },
    /// AUTH was to be offered without TLS where others could listen.
    #[error("AUTH without TLS on {address}, which is not a loopback address")]
    PlaintextAuth {
        /// The address.
        address: SocketAddr,
    },
    /// AUTH was to be offered, but nothing says how TLS works.
    #[error("AUTH needs TLS: give a certificate")]
    AuthWithoutTls,
    /// AUTH was to be required, but there is nobody to ask about credentials.
    #[error("AUTH is required: give the accounts")]
    NoAccounts,
    /// TLS was to be required or implicit, but nothing says how it works.
    #[error("TLS is asked for: give a certificate")]
    NoCertificate,
    /// The accounts can be asked by no mechanism at all.
    #[error("the accounts serve no AUTH mechanism")]
    NoMechanism,
    /// The role serves this machine only.
    #[error("{role} serves this machine only, and {address} is not a loopback address")]
    LoopbackOnly {
        /// The role.
        role: crate::Role,
        /// The address.
        address: SocketAddr,
    },
    /// The role has no local sockets.
    #[error("{role} listens on TCP only")]
    TcpOnly {
        /// The role.
        role: crate::Role,
    },
    /// No address was given to listen on.
    #[error("no address to listen on")]
    NoAddress,
    /// The address could not be taken.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The local socket could not be made.
    #[error("cannot listen on {}: {source}", path.display())]
    BindPath {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

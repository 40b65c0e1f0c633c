//! The async driver on tokio: connecting, moving octets for the machine, the pool, and the [`Client`] in front of it.

mod batch;
mod client;
mod connect;
mod connection;
mod link;
mod network;
mod pool;
mod stream;

pub use batch::Batch;
pub use client::Client;
pub use connection::Connection;
pub(crate) use network::Network;
pub use network::{AsyncStream, BoxFuture, Connect, Resolve};

//! The server as its clients meet it: real sockets on loopback, real TLS, a handler that records.

#[cfg(test)]
mod authentication;
#[cfg(test)]
mod chunking;
#[cfg(test)]
mod content;
#[cfg(test)]
mod dialogue;
#[cfg(test)]
mod draining;
#[cfg(test)]
mod header;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod load;
#[cfg(test)]
mod local_socket;
#[cfg(test)]
mod open_relay;
#[cfg(test)]
mod proxies;
#[cfg(test)]
mod records;
#[cfg(test)]
mod relaying;
#[cfg(test)]
mod setup;
#[cfg(test)]
mod splits;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod world;

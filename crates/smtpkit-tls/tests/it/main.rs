//! The public behaviour of `smtpkit-tls`: every class of failure, with certificates made on the spot.
//!
//! `openssl` must be installed: it plays the peers that rustls refuses to be.

#[cfg(test)]
mod binding;
#[cfg(test)]
mod blocking;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod client_certificates;
#[cfg(test)]
mod development;
#[cfg(test)]
mod loading;
#[cfg(test)]
mod openssl;
#[cfg(test)]
mod pki;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod server_choice;
#[cfg(test)]
mod wire;

//! What the crate promises to those who use it, through its public names only.

#[cfg(test)]
mod address_corpus;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod ehlo_reply;
#[cfg(test)]
mod fragmentation;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod words;

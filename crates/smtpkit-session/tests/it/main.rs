//! The machines from outside: dialogues of the client, and both machines against each other.

#[cfg(test)]
mod client;
#[cfg(test)]
mod pair;

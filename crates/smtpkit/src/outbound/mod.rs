//! Connecting to a server as the flags say: what `send`, `check` and `sendmail` have in common.
//!
//! | file | what it decides |
//! |---|---|
//! | `args` | the flags |
//! | `target` | URL, ports, user and TLS policy |
//! | `password` | where secrets come from |
//! | `reach` | the client, on the first port that answers |
//! | `transcript` | what `-v` shows |
//! | `fault` | the exit code of an error |
//! | `remedy` | which flag to change |

mod args;
mod fault;
mod password;
mod reach;
mod remedy;
mod target;
mod transcript;

pub(crate) use args::ServerArgs;
pub(crate) use fault::exit_of;
pub(crate) use password::{Login, login};
pub(crate) use reach::{builder, connector, reach};
pub(crate) use remedy::remedy;
pub(crate) use target::Target;

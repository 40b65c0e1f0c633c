//! Mail to and from other people's software, over loopback, compared octet by octet.
//!
//! | file | what it does |
//! |---|---|
//! | `server` | starts `smtpkit serve` and reads its Maildirs |
//! | `samples` | the messages |
//! | `receive` | smtplib, curl, swaks and msmtp deliver to `serve` |
//! | `mime` | Python's email package reads the same messages |
//! | `auth` | every mechanism that they speak, against `serve` |
//! | `storage` | a disk that is full |
//! | `send` | `smtpkit send` delivers to smtp-sink and aiosmtpd |

mod auth;
mod mime;
mod receive;
mod samples;
mod send;
mod server;
mod storage;

use crate::shell::{self, Failed, cargo, root};

/// Runs the whole matrix.
pub(crate) fn run() -> Result<(), Failed> {
    crate::tools::install()?;
    // built the way the tests build it, so that neither builds it again
    shell::run(cargo().args(["test", "--workspace", "--no-run"]))?;
    let receiving = receive::run()?;
    let logins = auth::run()?;
    let sending = send::run()?;
    storage::run()?;
    mime::run()?;
    println!(
        "\ninteroperability: {receiving} deliveries to serve, {logins} logins, {sending} by send, all octet by octet"
    );
    Ok(())
}

/// The program under test, as `cargo build` left it.
fn program() -> std::path::PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    target.join("debug").join("smtpkit")
}

//! The rows of the area "auth": handshakes and logins, beside the libraries that do the same with nothing around.

use super::probe::Figures;
use super::row::{Row, Target};
use crate::shell::Failed;

/// The most of the rival's instructions that we may take.
const RATIO: &[(&str, &str, f64)] = &[
    ("TLS handshake, full", "tokio-rustls", 1.05),
    ("TLS handshake, resumed", "tokio-rustls", 1.05),
    ("SCRAM-SHA-256, client and server", "rsasl", 1.0),
    ("PLAIN against argon2id, server", "argon2", 1.01),
];

/// Logins that must not cost a server what argon2id does.
const CHEAP: &[(&str, f64)] = &[("SCRAM-SHA-256, server", 0.01), ("PLAIN against plaintext, server", 0.01)];

/// Measures and compares.
pub(super) fn rows() -> Result<Vec<Row>, Failed> {
    let figures = Figures::measure("auth")?;
    let mut rows = Vec::new();
    for &(item, side, most) in RATIO {
        let ours = figures.ours(item)?.instructions;
        let rival = figures.rival(item, side).map(|rival| (side, rival.instructions));
        rows.push(Row::new(item, "instructions", ours, rival, Target::Ratio(most)));
    }
    let hashed = figures.ours("PLAIN against argon2id, server")?.instructions;
    for &(item, most) in CHEAP {
        let ours = figures.ours(item)?.instructions;
        let rival = Some(("our PLAIN against argon2id", hashed));
        rows.push(Row::new(item, "instructions", ours, rival, Target::Ratio(most)));
    }
    Ok(rows)
}

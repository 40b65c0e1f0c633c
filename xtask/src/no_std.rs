//! Whether the pure crates build without std.
//!
//! A crate that has a panic handler of its own cannot be compiled together with std, which has one, too. So a small
//! crate with a panic handler that depends on the pure crates compiles only if nothing below them links std.

use std::fs;
use std::process::Command;

use crate::shell::{self, Failed, cargo, root};

const CRATES: [&str; 2] = ["smtpkit-codec", "smtpkit-session"];

/// Compiles the probe.
pub(crate) fn run() -> Result<(), Failed> {
    let folder = root().join("target").join("no-std-probe");
    fs::create_dir_all(folder.join("src"))?;
    let dependencies: String = CRATES
        .iter()
        .map(|name| {
            let path = root().join("crates").join(name);
            format!("{name} = {{ path = {path:?}, default-features = false }}\n")
        })
        .collect();
    let uses: String = CRATES.iter().map(|name| format!("use {} as _;\n", name.replace('-', "_"))).collect();
    fs::write(
        folder.join("Cargo.toml"),
        format!(
            "[package]\nname = \"no-std-probe\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [dependencies]\n{dependencies}\n[profile.dev]\npanic = \"abort\"\n"
        ),
    )?;
    fs::write(
        folder.join("src/lib.rs"),
        format!(
            "#![no_std]\n{uses}\n#[panic_handler]\nfn panic(_: &core::panic::PanicInfo) -> ! {{\n    loop {{}}\n}}\n"
        ),
    )?;
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let mut check: Command = cargo();
    shell::run(check.current_dir(&folder).arg("check").env("CARGO_TARGET_DIR", folder.join("target")))
}

//! Prints what messages say as one JSON object a line: `cargo run --example facts -- FILE…`

use std::fmt::Write;
use std::process::ExitCode;

use sha2::{Digest, Sha256};
use smtpkit_mime::facts::{BodyDigest, Inspector};

#[derive(Default)]
struct Checksum(Sha256);

impl BodyDigest for Checksum {
    fn update(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "an example prints")]
fn main() -> ExitCode {
    for path in std::env::args_os().skip(1) {
        match std::fs::read(&path) {
            Ok(content) => {
                let mut inspector = Inspector::<Checksum>::new(1 << 24);
                inspector.push(&content);
                let json = inspector.finish().to_json(|sum| {
                    sum.0.clone().finalize().iter().fold(String::new(), |mut hex, octet| {
                        let _ = write!(hex, "{octet:02x}");
                        hex
                    })
                });
                println!("{json}");
            }
            Err(error) => {
                eprintln!("{}: {error}", path.display());
                return ExitCode::from(66);
            }
        }
    }
    ExitCode::SUCCESS
}

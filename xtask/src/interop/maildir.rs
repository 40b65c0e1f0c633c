//! What arrived: a message out of a Maildir, and its content without the fields that the delivery put above it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::shell::{Failed, failed};

/// How long local delivery may take on a slow machine.
const DELIVERY_TIME_MAX: Duration = Duration::from_secs(30);

/// Takes the one new message out of a Maildir. It lies there a moment after the `250`, for which it only had to be in the
/// queue.
pub(super) fn take(maildir: &Path) -> Result<Vec<u8>, Failed> {
    let new = maildir.join("new");
    let start = Instant::now();
    loop {
        // the folder is made with the first message
        let entries = fs::read_dir(&new).into_iter().flatten();
        let files: Vec<PathBuf> =
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        match files.as_slice() {
            [file] => {
                let message = fs::read(file)?;
                fs::remove_file(file)?;
                return Ok(message);
            }
            [] if start.elapsed() < DELIVERY_TIME_MAX => std::thread::sleep(Duration::from_millis(2)),
            files => return failed(format!("{} messages in {} instead of one", files.len(), new.display())),
        }
    }
}

/// What follows these fields, which have to come first and in this order.
pub(super) fn without<'a>(fields: &[&str], message: &'a [u8]) -> Result<&'a [u8], Failed> {
    let mut rest = message;
    for field in fields {
        let name = rest.get(..field.len()).unwrap_or_default();
        if !name.eq_ignore_ascii_case(field.as_bytes()) {
            let header = String::from_utf8_lossy(message.get(..message.len().min(1_000)).unwrap_or_default());
            return failed(format!("the stored message lacks {field} in its place:\n{header}"));
        }
        rest = after_field(rest);
    }
    Ok(rest)
}

/// What follows the first field of a header, its folded lines included.
fn after_field(header: &[u8]) -> &[u8] {
    let mut at = 0;
    while let Some(end) = header.get(at..).and_then(|rest| rest.iter().position(|octet| *octet == b'\n')) {
        at += end + 1;
        if !matches!(header.get(at), Some(b' ' | b'\t')) {
            break;
        }
    }
    header.get(at..).unwrap_or_default()
}

/// Content that was stored with local line ends, with those that it had on the wire.
pub(super) fn with_crlf(stored: &[u8]) -> Vec<u8> {
    let lines = stored.split_inclusive(|octet| *octet == b'\n');
    lines.flat_map(|line| [line.strip_suffix(b"\n").unwrap_or(line), b"\r\n"]).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_go_with_their_folded_lines() {
        let message = b"Received: a\r\n\tb\r\n c\r\nDELIVERED-TO: d\r\nTo: e\r\n\r\n";
        assert_eq!(without(&["Received:", "Delivered-To:"], message).unwrap(), b"To: e\r\n\r\n");
        assert!(without(&["Delivered-To:"], message).is_err(), "not the first one");
    }

    #[test]
    fn line_ends_come_back() {
        assert_eq!(with_crlf(b"a\n\n.\n"), b"a\r\n\r\n.\r\n");
    }
}

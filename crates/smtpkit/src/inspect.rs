//! `smtpkit inspect`: what a message is made of.
//!
//! The message streams through the push parser, so its size does not matter; only texts that were asked for are
//! kept. A broken message is shown with what is wrong in it and is no failure: exit 0. A file that cannot be
//! read is one: exit 66.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sha2::{Digest as _, Sha256};
use smtpkit_mime::Defect;
use smtpkit_mime::facts::{BodyDigest, Facts, Inspector, MailboxFacts, PartFacts};

use crate::exit::{Exit, Failure};

/// Octets that are read in one go.
const PIECE_OCTETS: usize = 64 << 10;
/// Files above this size get a progress bar on a terminal.
const PROGRESS_OCTETS_MIN: u64 = 50_000_000;
/// Octets of one text that `--text` shows.
const TEXT_OCTETS_MAX: usize = 64 << 20;
/// Octets of a line that are shown around a defect.
const EXCERPT_OCTETS: u64 = 72;

/// Show what a message is made of
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  smtpkit inspect message.eml              the tree of parts, and what is wrong in it
  smtpkit inspect --json message.eml       one line of JSON: fields, parts, sizes, SHA-256, defects
  smtpkit inspect --text - < message.eml   the texts as well")]
pub(crate) struct InspectArgs {
    /// The message, or - for standard input
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Show the texts, converted to UTF-8
    #[arg(long)]
    text: bool,
}

/// The checksum of a decoded body.
#[derive(Debug, Default)]
struct Checksum(Sha256);

impl BodyDigest for Checksum {
    fn update(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }
}

/// Runs the subcommand.
pub(crate) fn run(args: &InspectArgs) -> ExitCode {
    let facts = match read(args) {
        Ok(facts) => facts,
        Err(error) => {
            let failure = Failure::new(Exit::NoInput, format!("{}: {error}", args.file.display()));
            return crate::report(&failure);
        }
    };
    let shown = if args.json { facts.to_json(checksum) + "\n" } else { describe(&facts, &args.file) };
    match io::stdout().write_all(shown.as_bytes()).and_then(|()| io::stdout().flush()) {
        // whoever closed the pipe has seen enough
        Ok(()) => Exit::Ok.into(),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok.into(),
        Err(error) => crate::report(&Failure::new(Exit::Io, format!("standard output: {error}"))),
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn read(args: &InspectArgs) -> io::Result<Facts<Checksum>> {
    let mut inspector = Inspector::new(if args.text { TEXT_OCTETS_MAX } else { 0 });
    if is_stdin(&args.file) {
        feed(&mut io::stdin().lock(), &mut inspector, None)?;
        return Ok(inspector.finish());
    }
    let mut file = File::open(&args.file)?;
    let octets = file.metadata()?.len();
    let bar = (octets > PROGRESS_OCTETS_MIN && io::stderr().is_terminal()).then(|| progress(octets));
    feed(&mut file, &mut inspector, bar.as_ref())?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(inspector.finish())
}

fn progress(octets: u64) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(octets);
    let style =
        indicatif::ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()));
    bar
}

fn feed(
    source: &mut impl Read,
    inspector: &mut Inspector<Checksum>,
    bar: Option<&indicatif::ProgressBar>,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_OCTETS];
    loop {
        let octets = match source.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(octets) => octets,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        inspector.push(piece.get(..octets).unwrap_or_default());
        if let Some(bar) = bar {
            bar.inc(octets as u64);
        }
    }
}

fn checksum(digest: &Checksum) -> String {
    digest.0.clone().finalize().iter().fold(String::with_capacity(64), |mut hex, octet| {
        let _ = write!(hex, "{octet:02x}");
        hex
    })
}

/// The facts for a person: fields, tree, texts, defects.
fn describe(facts: &Facts<Checksum>, path: &Path) -> String {
    let mut out = String::new();
    let date = facts.date.map(|date| date.to_string());
    for (label, value) in [
        ("Subject", facts.subject.clone()),
        ("Date", date),
        ("From", mailboxes(&facts.from)),
        ("To", mailboxes(&facts.to)),
        ("Cc", mailboxes(&facts.cc)),
        ("Message-ID", facts.message_id.clone()),
        ("Size", Some(format!("{} octets", grouped(facts.octets)))),
    ] {
        if let Some(value) = value {
            let _ = writeln!(out, "{label:<11} {}", printable(&value));
        }
    }
    out.push('\n');
    for (index, part) in facts.parts.iter().enumerate() {
        let _ = writeln!(out, "{}{}", branches(&facts.parts, index), line(part));
    }
    for part in facts.leaves() {
        if let Some(text) = &part.text {
            let cut = if part.is_text_cut { " (cut)" } else { "" };
            let _ = writeln!(out, "\n--- {}{cut}\n{}", printable(&part.content_type), printable_lines(text));
        }
    }
    if facts.defects_count > 0 {
        let _ = writeln!(
            out,
            "\n{} defect{}",
            facts.defects_count,
            if facts.defects_count == 1 { "" } else { "s" }
        );
    }
    let mut file = (!is_stdin(path)).then(|| File::open(path).ok()).flatten();
    for defect in &facts.defects {
        let _ = writeln!(out, "  octet {}: {}", grouped(defect.at), defect.kind.text());
        if let Some(excerpt) = file.as_mut().and_then(|file| excerpt(file, defect).ok()) {
            out.push_str(&excerpt);
        }
    }
    out
}

fn mailboxes(list: &[MailboxFacts]) -> Option<String> {
    let one = |mailbox: &MailboxFacts| match (&mailbox.name, &mailbox.address) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => address.as_ref().or(name.as_ref()).cloned().unwrap_or_default(),
    };
    (!list.is_empty()).then(|| list.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// The lines of the tree before a part.
fn branches(parts: &[PartFacts<Checksum>], index: usize) -> String {
    let (_, from) = parts.split_at(index);
    let Some((part, behind)) = from.split_first() else { return String::new() };
    (1..=part.depth)
        .map(|depth| {
            let goes_on = behind.iter().map(|part| part.depth).find(|other| *other <= depth) == Some(depth);
            match (depth == part.depth, goes_on) {
                (true, true) => "├─ ",
                (true, false) => "└─ ",
                (false, true) => "│  ",
                (false, false) => "   ",
            }
        })
        .collect()
}

fn line(part: &PartFacts<Checksum>) -> String {
    let mut out = printable(&part.content_type);
    if let Some(name) = &part.file_name {
        let _ = write!(out, " \"{}\"", printable(name));
    }
    if !part.is_leaf {
        return out;
    }
    if let Some(charset) = &part.charset {
        let _ = write!(out, ", {}", printable(charset));
    }
    let encoding = part.encoding.name().unwrap_or("unknown encoding");
    let _ = write!(out, ", {encoding}, {} octets", grouped(part.octets));
    out
}

/// The line around a defect, with a mark below the octet; nothing if the line is empty.
fn excerpt(file: &mut File, defect: &Defect) -> io::Result<String> {
    let start = defect.at.saturating_sub(EXCERPT_OCTETS);
    file.seek(SeekFrom::Start(start))?;
    let mut around = Vec::new();
    file.take(2 * EXCERPT_OCTETS).read_to_end(&mut around)?;
    let at = usize::try_from(defect.at - start).unwrap_or_default().min(around.len());
    let (before, behind) = around.split_at(at);
    let before = before.rsplit(|octet| *octet == b'\n').next().unwrap_or_default();
    let behind = behind.split(|octet| matches!(octet, b'\r' | b'\n')).next().unwrap_or_default();
    let (before, behind) = (visible(before), visible(behind));
    if before.is_empty() && behind.is_empty() {
        return Ok(String::new());
    }
    let mark = before.chars().count();
    Ok(format!("    {before}{behind}\n    {:mark$}^\n", ""))
}

/// Octets as one column each.
fn visible(octets: &[u8]) -> String {
    octets.iter().map(|octet| if matches!(octet, 32..127) { char::from(*octet) } else { '·' }).collect()
}

/// Text of strangers that cannot command the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn printable_lines(text: &str) -> String {
    text.lines().map(|line| printable(&line.replace('\t', "    "))).collect::<Vec<_>>().join("\n")
}

/// A number with commas between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(content: &str) -> Facts<Checksum> {
        let mut inspector = Inspector::new(100);
        inspector.push(content.as_bytes());
        inspector.finish()
    }

    #[test]
    fn the_tree_shows_what_is_inside_of_what() {
        let content = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=c\n\n\
            --c\n\n1\n--c\nContent-Type: text/html\n\n2\n--c--\n--b\nContent-Type: image/png; name=\"a\x1b.png\"\n\n3\n--b--\n";
        let shown = describe(&facts(content), Path::new("-"));
        let tree: Vec<_> = shown.lines().skip_while(|line| !line.is_empty()).skip(1).take(5).collect();
        assert_eq!(
            tree,
            [
                "multipart/mixed",
                "├─ multipart/alternative",
                "│  ├─ text/plain, 7bit, 1 octets",
                "│  └─ text/html, 7bit, 1 octets",
                "└─ image/png \"a\u{fffd}.png\", 7bit, 1 octets",
            ]
        );
    }

    #[test]
    fn checksums_are_of_decoded_bodies() {
        let json = facts("Content-Transfer-Encoding: base64\n\nYWJj").to_json(checksum);
        assert!(
            json.contains("\"sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""),
            "{json}"
        );
        assert!(json.contains("\"size\":3"), "{json}");
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
    }
}

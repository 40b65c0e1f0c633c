//! `docs/rfcs.md`: which section of which RFC stands in which module, and which tests cover it.
//!
//! The page is made from the sources: a module covers a section if its documentation cites it (`RFC 5321 §4.1.1.2`), a
//! test does if it stands in such a module, or cites the section itself. The gate fails if the page is out of date, so
//! it can be trusted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::shell::{Failed, failed, root};

const PAGE: &str = "docs/rfcs.md";

/// What to do with the page.
#[derive(Debug, clap::Args)]
pub(crate) struct RfcsArgs {
    /// Only say whether the page is up to date
    #[arg(long)]
    check: bool,
}

impl RfcsArgs {
    /// As the gate does it.
    pub(crate) const fn checking() -> Self {
        Self { check: true }
    }
}

/// Writes or checks the page.
pub(crate) fn run(args: &RfcsArgs) -> Result<(), Failed> {
    let page = Coverage::read()?.page();
    let path = root().join(PAGE);
    if args.check {
        if fs::read_to_string(&path).unwrap_or_default() == page {
            return Ok(());
        }
        return failed(format!("{PAGE} is out of date; run `cargo xtask rfcs` and commit it"));
    }
    fs::create_dir_all(root().join("docs"))?;
    fs::write(path, page)?;
    Ok(())
}

/// An RFC and a section of it; no section means the whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Section {
    rfc: u32,
    path: Vec<SectionPart>,
}

/// One part of a section number: `4` or `B`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SectionPart {
    Number(u32),
    Letter(String),
}

#[derive(Default)]
struct Row {
    modules: BTreeSet<String>,
    tests: BTreeSet<String>,
}

#[derive(Default)]
struct Coverage(BTreeMap<Section, Row>);

impl Coverage {
    fn read() -> Result<Self, Failed> {
        let citation = Regex::new(r"RFC (\d{3,5})(?:,? §§? ?([0-9A-Z]+(?:\.[0-9]+)*))?")?;
        let test = Regex::new(r"#\[(?:tokio::)?test[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*(?:async )?fn (\w+)")?;
        let mut coverage = Self::default();
        for file in sources(&root().join("crates"))? {
            let text = fs::read_to_string(&file)?;
            let module = module_name(&file);
            let is_test_file = file.components().any(|part| part.as_os_str() == "tests");
            let tests: Vec<String> = test
                .captures_iter(&text)
                .filter_map(|found| Some(found.get(1)?.as_str().to_owned()))
                .collect();
            for found in citation.captures_iter(&text) {
                let Some(section) = section(&found) else { continue };
                let row = coverage.0.entry(section).or_default();
                row.tests.extend(tests.iter().map(|name| format!("{module}::{name}")));
                if !is_test_file {
                    row.modules.insert(module.clone());
                }
            }
        }
        Ok(coverage)
    }

    fn page(&self) -> String {
        let covered = self.0.values().filter(|row| !row.modules.is_empty() && !row.tests.is_empty()).count();
        let mut page = format!(
            "# RFC coverage\n\nMade by `cargo xtask rfcs` from the sources; the gate checks that it is up to date. A module stands \
             here if its documentation cites the section, with the number of tests in the files that cite it.\n\n\
             {} sections are cited, {covered} of them in a module with tests.\n",
            self.0.len()
        );
        let mut rfc = None;
        for (section, row) in &self.0 {
            if rfc != Some(section.rfc) {
                rfc = Some(section.rfc);
                // writing to a String cannot fail
                let _ = write!(
                    page,
                    "\n## RFC {}\n\n| section | modules | tests |\n|---|---|--:|\n",
                    section.rfc
                );
            }
            let modules: Vec<String> = row.modules.iter().map(|module| format!("`{module}`")).collect();
            let _ = writeln!(page, "| {} | {} | {} |", section.name(), modules.join(", "), row.tests.len());
        }
        page
    }
}

impl Section {
    fn name(&self) -> String {
        if self.path.is_empty() {
            return "(as a whole)".to_owned();
        }
        let parts: Vec<String> = self
            .path
            .iter()
            .map(|part| match part {
                SectionPart::Number(number) => number.to_string(),
                SectionPart::Letter(letter) => letter.clone(),
            })
            .collect();
        format!("§{}", parts.join("."))
    }
}

fn section(found: &regex::Captures<'_>) -> Option<Section> {
    let rfc = found.get(1)?.as_str().parse().ok()?;
    let path = found.get(2).map_or("", |path| path.as_str());
    let parts = path.split('.').filter(|part| !part.is_empty());
    let path = parts
        .map(|part| part.parse().map_or_else(|_| SectionPart::Letter(part.to_owned()), SectionPart::Number))
        .collect();
    Some(Section { rfc, path })
}

/// All Rust sources below `folder`, sorted.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, Failed> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// `smtpkit-codec/src/command/mail.rs` → `codec::command::mail`.
fn module_name(file: &Path) -> String {
    let crates = root().join("crates");
    let relative = file.strip_prefix(&crates).unwrap_or(file);
    let parts: Vec<String> = relative
        .components()
        .map(|part| part.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned())
        .filter(|part| !matches!(part.as_str(), "src" | "mod" | "lib"))
        .map(|part| part.trim_start_matches("smtpkit-").to_owned())
        .collect();
    parts.join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_named_as_rust_names_them() {
        let crates = root().join("crates");
        for (file, expected) in [
            ("smtpkit-codec/src/command/mail.rs", "codec::command::mail"),
            ("smtpkit-codec/src/reply/mod.rs", "codec::reply"),
            ("smtpkit-codec/src/lib.rs", "codec"),
        ] {
            assert_eq!(module_name(&crates.join(file)), expected);
        }
    }

    #[test]
    fn sections_sort_by_number() {
        let section = |path: &[u32]| Section {
            rfc: 5321,
            path: path.iter().copied().map(SectionPart::Number).collect(),
        };
        assert!(section(&[4, 2]) < section(&[4, 10]));
        assert!(section(&[]) < section(&[1]));
        assert_eq!(section(&[4, 1, 1]).name(), "§4.1.1");
    }
}

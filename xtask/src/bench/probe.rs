//! The probe of `benches/`: built, run under callgrind, and its counts read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::shell::{Failed, cargo, failed, output, root};

/// Figures by item and side.
#[derive(Debug)]
pub(super) struct Figures {
    sides: Vec<Figure>,
}

/// What one side of an item costs.
#[derive(Debug)]
pub(super) struct Figure {
    pub(super) item: String,
    pub(super) side: String,
    /// Instructions per unit: a round, or an octet of it.
    pub(super) instructions: f64,
    /// Allocations per round.
    pub(super) allocations: f64,
}

/// Rounds between the two runs of a side, as the probe has them.
const ROUNDS_BETWEEN: f64 = 32.0;

impl Figures {
    /// Builds the probe and counts.
    pub(super) fn measure() -> Result<Self, Failed> {
        let probe = build()?;
        let list = output(Command::new(&probe).arg("list"))?;
        let allocations = output(Command::new(&probe).arg("allocations"))?;
        let counts = count(&probe)?;
        let mut sides = Vec::new();
        let pairs = counts.chunks_exact(2);
        if list.lines().count() != allocations.lines().count() || list.lines().count() != pairs.len() {
            return failed("the probe's list and its counts differ in length");
        }
        for ((line, allocated), pair) in list.lines().zip(allocations.lines()).zip(pairs) {
            let (&[few, many], [item, side, _, units]) = (pair, fields(line)?) else {
                return failed("a pair of counts");
            };
            let units: f64 = units.parse()?;
            let [_, _, allocations] = fields(allocated)?;
            sides.push(Figure {
                item: item.to_owned(),
                side: side.to_owned(),
                instructions: (many - few) / ROUNDS_BETWEEN / units,
                allocations: allocations.parse()?,
            });
        }
        Ok(Self { sides })
    }

    /// Our figure of an item.
    pub(super) fn ours(&self, item: &str) -> Result<&Figure, Failed> {
        let ours = self.rival(item, "smtpkit");
        ours.ok_or_else(|| Failed(format!("the probe has no item `{item}`")))
    }

    /// The figure of another side, by the start of its name, if it has the item.
    pub(super) fn rival(&self, item: &str, side: &str) -> Option<&Figure> {
        self.sides.iter().find(|figure| figure.item == item && figure.side.starts_with(side))
    }

    /// The most allocations of a side for any item whose name starts with one of `prefixes`.
    pub(super) fn allocations_worst(&self, prefixes: &[&str], side: &str) -> f64 {
        let wanted = |item: &str| prefixes.iter().any(|prefix| item.starts_with(prefix));
        let of = self.sides.iter().filter(|figure| figure.side == side && wanted(&figure.item));
        of.map(|figure| figure.allocations).fold(0.0, f64::max)
    }

    /// Our instructions by those of `side`, for all items that it has and whose names start with `prefix`.
    pub(super) fn ratios(&self, prefix: &str, side: &str) -> impl Iterator<Item = f64> {
        let ours = self
            .sides
            .iter()
            .filter(move |figure| figure.item.starts_with(prefix) && figure.side == "smtpkit");
        ours.filter_map(move |ours| Some(ours.instructions / self.rival(&ours.item, side)?.instructions))
    }
}

/// The tab-separated fields of a line.
fn fields<const N: usize>(line: &str) -> Result<[&str; N], Failed> {
    let fields: Vec<&str> = line.split('\t').collect();
    fields.try_into().map_err(|_| Failed(format!("not a line of the probe: {line}")))
}

/// The path of the probe, built.
fn build() -> Result<PathBuf, Failed> {
    let manifest = root().join("benches/Cargo.toml");
    let mut command = cargo();
    command.args(["build", "--release", "--locked", "--bin", "probe", "--message-format", "json"]);
    command.arg("--manifest-path").arg(manifest).stderr(Stdio::inherit());
    let messages = output(&mut command)?;
    let executable = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .next_back();
    executable.ok_or_else(|| Failed("cargo names no executable".into()))
}

/// Instructions of each run, in order.
fn count(probe: &Path) -> Result<Vec<f64>, Failed> {
    let folder = tempfile::tempdir()?;
    let dump = folder.path().join("count");
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--dump-before=probe::cut_here"])
        .arg(format!("--callgrind-out-file={}", dump.display()))
        .arg(probe)
        .arg("rounds")
        // Without it a copy by `rep movsb` counts as one instruction.
        .env("GLIBC_TUNABLES", "glibc.cpu.x86_rep_movsb_threshold=999999999");
    output(&mut valgrind)?;
    let mut parts = BTreeMap::new();
    for file in std::fs::read_dir(folder.path())? {
        let text = std::fs::read_to_string(file?.path())?;
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.and_then(|line| line.trim().parse::<f64>().ok())
        };
        if let (Some(part), Some(instructions)) = (value("part:"), value("totals:").or(value("summary:"))) {
            parts.insert(part as u64, instructions);
        }
    }
    // The first part is what came before the first cut, the last what came after the last.
    let counts: Vec<f64> = parts.into_values().collect();
    let runs = counts.len().saturating_sub(1) / 2 * 2;
    Ok(counts.into_iter().skip(1).take(runs).collect())
}

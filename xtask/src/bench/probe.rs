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
    /// Most octets of heap at once within a round.
    pub(super) heap: f64,
}

/// Runs of each side, as the probe has them: one to get warm, and the two whose difference counts.
const RUNS: usize = 3;

impl Figures {
    /// Builds the probe and counts the items of an area.
    pub(super) fn measure(area: &str) -> Result<Self, Failed> {
        let probe = program("probe")?;
        let list = output(Command::new(&probe).args([area, "list"]))?;
        let memory = output(Command::new(&probe).args([area, "memory"]))?;
        let counts = count(&probe, area)?;
        let mut sides = Vec::new();
        let runs = counts.chunks_exact(RUNS);
        if list.lines().count() != memory.lines().count() || list.lines().count() != runs.len() {
            return failed("the probe's list and its counts differ in length");
        }
        for ((line, used), run) in list.lines().zip(memory.lines()).zip(runs) {
            let (&[_warm, few, many], [item, side, _, units]) = (run, fields(line)?) else {
                return failed("not the counts of a side");
            };
            let units: f64 = units.parse()?;
            let [_, _, allocations, heap] = fields(used)?;
            sides.push(Figure {
                item: item.to_owned(),
                side: side.to_owned(),
                instructions: (many - few) / units,
                allocations: allocations.parse()?,
                heap: heap.parse()?,
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

    /// The rival that takes the fewest instructions for an item.
    pub(super) fn best_rival(&self, item: &str) -> Option<&Figure> {
        let rivals = self.sides.iter().filter(|figure| figure.item == item && figure.side != "smtpkit");
        rivals.min_by(|one, other| one.instructions.total_cmp(&other.instructions))
    }

    /// All figures of a side whose items' names start with `prefix`.
    pub(super) fn of(&self, prefix: &str, side: &str) -> impl Iterator<Item = &Figure> {
        self.sides.iter().filter(move |figure| figure.side == side && figure.item.starts_with(prefix))
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

/// The path of a program of `benches/`, built.
pub(super) fn program(name: &str) -> Result<PathBuf, Failed> {
    let manifest = root().join("benches/Cargo.toml");
    let mut command = cargo();
    // a rival asks for a newer compiler than it needs
    command.args(["build", "--release", "--locked", "--ignore-rust-version", "--message-format", "json"]);
    command.args(["--bin", name]).arg("--manifest-path").arg(manifest).stderr(Stdio::inherit());
    let messages = output(&mut command)?;
    let executable = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .next_back();
    executable.ok_or_else(|| Failed("cargo names no executable".into()))
}

/// Instructions of each run, in order.
fn count(probe: &Path, area: &str) -> Result<Vec<f64>, Failed> {
    let folder = tempfile::tempdir()?;
    let dump = folder.path().join("count");
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--dump-before=probe::cut_here"])
        .arg(format!("--callgrind-out-file={}", dump.display()))
        .arg(probe)
        .args([area, "rounds"])
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
    let runs = counts.len().saturating_sub(1) / RUNS * RUNS;
    Ok(counts.into_iter().skip(1).take(runs).collect())
}

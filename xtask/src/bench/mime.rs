//! The rows of the area "mime": which item keeps which target against whom.

use super::probe::{Figure, Figures};
use super::row::{Row, Target};
use crate::shell::{Failed, failed};

/// Reading and writing, in instructions per octet: the most that we may take. The better rival is shown.
const MOST: &[(&str, f64)] = &[
    ("4 KiB text: structure", 2.0),
    ("4 KiB text: headers", 3.5),
    ("4 KiB text: full", 5.0),
    ("75 KB alternative: structure", 0.50),
    ("75 KB alternative: full", 5.9),
    ("1 MiB attachment: structure", 0.13),
    ("1 MiB attachment: full", 1.5),
    ("120 KB quoted-printable: full", 9.2),
    ("22 KB header: structure", 3.0),
    ("22 KB header: headers", 4.0),
    ("push, 1 MiB attachment", 1.8),
    ("build 3.6 KB text", 5.0),
    ("build 69 KB text and HTML", 8.0),
    ("build 1 MiB attachment", 1.5),
];

/// Heap, in KiB at once.
const HEAP: &[(&str, f64)] = &[
    ("push, 8 MiB attachment", 64.0),
    ("4 KiB text: structure", 2.0),
    ("build 1 MiB attachment from a reader", 32.0),
];

/// The sizes of hostile input, by the end of an item's name, and their octets.
const SIZES: [(&str, f64); 3] =
    [(", 16 KiB", 16.0 * 1024.0), (", 64 KiB", 64.0 * 1024.0), (", 256 KiB", 256.0 * 1024.0)];

/// Measures and compares.
pub(super) fn rows() -> Result<Vec<Row>, Failed> {
    let figures = Figures::measure("mime")?;
    let mut rows = Vec::new();
    let item = "60 recipients: headers";
    let rival = figures.best_rival(item).map(|rival| (rival.side.as_str(), rival.instructions));
    rows.push(Row::new(
        item,
        "instructions/octet",
        figures.ours(item)?.instructions,
        rival,
        Target::Ratio(1.0),
    ));
    for &(item, most) in MOST {
        let ours = figures.ours(item)?.instructions;
        let rival = figures.best_rival(item).map(|rival| (rival.side.as_str(), rival.instructions));
        rows.push(Row::new(item, "instructions/octet", ours, rival, Target::Most(most)));
    }
    for &(item, most) in HEAP {
        let ours = figures.ours(item)?.heap / 1024.0;
        let rival = figures.best_rival(item).map(|rival| (rival.side.as_str(), rival.heap / 1024.0));
        rows.push(Row::new(format!("heap, {item}"), "KiB", ours, rival, Target::Most(most)));
    }
    let item = "4 KiB text: structure";
    let rival = figures.best_rival(item).map(|rival| (rival.side.as_str(), rival.allocations));
    let ours = figures.ours(item)?.allocations;
    rows.push(Row::new(format!("allocations, {item}"), "allocations", ours, rival, Target::Most(2.0)));
    rows.extend(hostile(&figures)?);
    Ok(rows)
}

/// What the worst of the hostile inputs costs, and how cost grows with size.
fn hostile(figures: &Figures) -> Result<Vec<Row>, Failed> {
    let instructions = |figure: &Figure| figure.instructions;
    let heap = |figure: &Figure| {
        let size = SIZES.iter().find(|(size, _)| figure.item.ends_with(size));
        size.map_or(f64::INFINITY, |(_, octets)| figure.heap / octets)
    };
    // from each size to the next one
    let growth = |figure: &Figure| {
        let larger = |sizes: &[(&str, f64)]| {
            let [(small, _), (large, _)] = sizes else { return None };
            let item = figure.item.strip_suffix(small)?;
            figures.rival(&format!("{item}{large}"), &figure.side)
        };
        let larger = SIZES.windows(2).find_map(larger).map_or(0.0, |figure| figure.instructions);
        // what is skipped altogether costs next to nothing, which makes a quotient of it noise
        larger.max(1.0) / figure.instructions.max(1.0)
    };
    Ok(vec![
        worst(figures, "worst hostile input", "instructions/octet", instructions, 120.0)?,
        worst(figures, "worst hostile heap", "octets/octet", heap, 4.0)?,
        worst(figures, "worst hostile growth, 4 times the size", "ratio per octet", growth, 1.1)?,
    ])
}

/// The input that is worst for us; the rival is shown with the one that is worst for it.
fn worst(
    figures: &Figures,
    row: &str,
    unit: &'static str,
    cost: impl Fn(&Figure) -> f64,
    most: f64,
) -> Result<Row, Failed> {
    let worst = |side: &str| {
        let costs = figures.of("hostile ", side).map(|figure| (figure, cost(figure)));
        costs.max_by(|one, other| one.1.total_cmp(&other.1))
    };
    let (Some((ours, cost)), rival) = (worst("smtpkit"), worst("mail-parser")) else {
        return failed("the probe has no hostile input");
    };
    let what = |figure: &Figure| figure.item.replace("hostile ", "");
    let rival = rival.map(|(figure, cost)| (format!("mail-parser on {}", what(figure)), cost));
    let rival = rival.as_ref().map(|(name, cost)| (name.as_str(), *cost));
    Ok(Row::new(format!("{row}: {}", what(ours)), unit, cost, rival, Target::Most(most)))
}

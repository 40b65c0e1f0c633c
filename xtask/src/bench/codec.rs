//! The rows of the area "codec": which item keeps which target against whom.

use super::probe::Figures;
use super::row::{Row, Target};
use crate::shell::Failed;

/// Parsing, against smtp-proto: the most of its instructions that we may take.
const PARSE: &[(&str, f64)] = &[
    ("parse DATA", 0.40),
    ("parse RSET", 0.40),
    ("parse QUIT", 0.40),
    ("parse NOOP", 0.40),
    ("parse MAIL", 0.80),
    ("parse RCPT", 0.80),
    ("parse MAIL SIZE BODY", 0.75),
    ("parse MAIL 5 parameters", 0.75),
    ("parse RCPT NOTIFY ORCPT", 0.75),
    ("parse EHLO domain", 1.0),
    ("parse AUTH", 1.0),
    ("parse BDAT", 1.0),
    ("parse STARTTLS", 1.0),
    ("parse unknown verb", 1.0),
    ("reply parse, 1 line", 0.60),
    ("reply parse, 3 lines", 0.55),
    ("reply parse, EHLO of 12 lines", 0.75),
    ("reply parse, EHLO with its values", 0.75),
];

/// The rest, with the rival that is shown beside it: the most units that we may take.
const MOST: &[(&str, &str, f64)] = &[
    ("serialize MAIL SIZE BODY", "smtp-codec", 200.0),
    ("serialize RCPT", "smtp-codec", 60.0),
    ("serialize bare verb", "smtp-codec", 30.0),
    ("serialize reply", "smtp-proto", 200.0),
    ("serialize EHLO reply of 12 lines", "smtp-proto", 1000.0),
    ("DATA decode, 64 KiB of text, strict, borrowed", "smtp-proto", 0.90),
    ("DATA encode from clean", "memmem", 0.30),
    ("DATA encode, checked", "-", 0.95),
    ("command line, one octet at a time", "-", 150.0),
    ("reply of 4 lines, one octet at a time", "-", 150.0),
    ("DATA decode, one octet at a time", "-", 150.0),
];

/// Measures and compares.
pub(super) fn rows() -> Result<Vec<Row>, Failed> {
    let figures = Figures::measure("codec")?;
    let mut rows = Vec::new();
    for &(item, most) in PARSE {
        let ours = figures.ours(item)?.instructions;
        let rival = figures.rival(item, "smtp-proto").map(|rival| ("smtp-proto", rival.instructions));
        rows.push(Row::new(item, "instructions", ours, rival, Target::Ratio(most)));
    }
    rows.push(mean(&figures, "smtp-proto", 0.70));
    rows.push(mean(&figures, "smtp-codec", 0.25));
    for &(item, side, most) in MOST {
        let ours = figures.ours(item)?.instructions;
        let rival = figures.rival(item, side).map(|rival| (rival.side.as_str(), rival.instructions));
        let unit = if item.contains("octet") || item.starts_with("DATA") {
            "instructions/octet"
        } else {
            "instructions"
        };
        rows.push(Row::new(item, unit, ours, rival, Target::Most(most)));
    }
    for (row, prefixes, most) in [
        ("allocations per parse, the worst line", &["parse ", "reply parse"][..], 0.0),
        ("allocations per refusal, the worst line", &["refuse "], 0.0),
        ("allocations to keep a command, the worst line", &["keep "], 1.0),
    ] {
        let rival = ("smtp-proto", figures.allocations_worst(prefixes, "smtp-proto"));
        let ours = figures.allocations_worst(prefixes, "smtpkit");
        rows.push(Row::new(row, "allocations", ours, Some(rival), Target::Most(most)));
    }
    Ok(rows)
}

/// The geometric mean of our ratios over the command lines that the rival parses too.
fn mean(figures: &Figures, side: &str, most: f64) -> Row {
    let ratios: Vec<f64> = figures.ratios("parse ", side).collect();
    let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    let item = format!("geometric mean over {} command lines", ratios.len());
    Row::new(item, "ratio", mean, Some((side, 1.0)), Target::Ratio(most))
}

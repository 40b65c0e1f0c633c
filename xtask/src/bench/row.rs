//! A row of the report, and the report.

use serde::Serialize;

use crate::shell::Failed;

/// One figure beside its target.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) item: String,
    pub(super) unit: &'static str,
    pub(super) ours: f64,
    /// Absent when the rival is missing or has no such thing.
    pub(super) rival: Option<f64>,
    pub(super) rival_name: Option<String>,
    /// Ours by the rival's.
    pub(super) ratio: Option<f64>,
    pub(super) target: String,
    pub(super) met: bool,
}

/// What a figure must keep.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// At most so much of the rival's figure. Without a rival it is not met.
    Ratio(f64),
    /// At most so many units.
    Most(f64),
}

/// The figure beside ours.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rival<'a> {
    /// Nobody does the same.
    None,
    /// Who it is, and what it costs there.
    Figure(&'a str, f64),
    /// Somebody does the same, and is not on this machine: the row says so and is not met.
    Missing(&'a str),
}

impl<'a> Rival<'a> {
    /// A figure, if the rival could be measured.
    pub(super) fn of(name: &'a str, figure: Option<f64>) -> Self {
        figure.map_or(Self::Missing(name), |figure| Self::Figure(name, figure))
    }
}

impl<'a> From<Option<(&'a str, f64)>> for Rival<'a> {
    fn from(rival: Option<(&'a str, f64)>) -> Self {
        rival.map_or(Self::None, |(name, figure)| Self::Figure(name, figure))
    }
}

impl Row {
    pub(super) fn new<'a>(
        item: impl Into<String>,
        unit: &'static str,
        ours: f64,
        rival: impl Into<Rival<'a>>,
        target: Target,
    ) -> Self {
        let (rival, rival_name, is_missing) = match rival.into() {
            Rival::None => (None, None, false),
            Rival::Figure(name, figure) => (Some(figure), Some(name.to_owned()), false),
            Rival::Missing(name) => (None, Some(format!("{name} is missing")), true),
        };
        let ratio = rival.map(|rival| ours / rival).filter(|ratio| ratio.is_finite());
        let (target, met) = match target {
            Target::Ratio(most) => (format!("<= {most:.2}x"), ratio.is_some_and(|ratio| ratio <= most)),
            Target::Most(most) => (format!("<= {most}"), ours <= most),
        };
        Self {
            item: item.into(),
            unit,
            ours: round(ours),
            rival: rival.map(round),
            rival_name,
            ratio: ratio.map(round),
            target,
            met: met && !is_missing,
        }
    }
}

/// Three decimals: more would be noise.
fn round(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}

/// One JSON array.
pub(super) fn print_json(rows: &[Row]) -> Result<(), Failed> {
    println!("{}", serde_json::to_string_pretty(rows)?);
    Ok(())
}

/// A table for people, and how many rows are met.
pub(super) fn print_table(rows: &[Row]) -> Result<(), Failed> {
    println!(
        "{:<46} {:>10} {:>10} {:>7}  {:<12} {:<6} rival",
        "item", "ours", "rival", "ratio", "target", ""
    );
    for row in rows {
        let figure = |figure: Option<f64>| figure.map_or("-".into(), |figure| format!("{figure:.3}"));
        println!(
            "{:<46} {:>10} {:>10} {:>7}  {:<12} {:<6} {} ({})",
            row.item,
            figure(Some(row.ours)),
            figure(row.rival),
            figure(row.ratio),
            row.target,
            if row.met { "met" } else { "short" },
            row.rival_name.as_deref().unwrap_or("-"),
            row.unit,
        );
    }
    println!("{} of {} met", rows.iter().filter(|row| row.met).count(), rows.len());
    Ok(())
}

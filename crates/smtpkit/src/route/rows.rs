//! The rows of a configuration file, changed in place: everything else in it, comments included, stays as it is.

use std::fmt;
use std::fs;
use std::path::Path;

use smtpkit_codec::address::Mailbox;
use smtpkit_relay::Pattern;
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, value};

use crate::exit::{Exit, Failure};

const ROUTE: &str = "route";
const MATCH: &str = "match";
const ENABLED: &str = "enabled";

/// A configuration file that is open for changes.
pub(super) struct Rows(DocumentMut);

/// One `[[route]]`.
pub(super) struct Row {
    pub(super) pattern: String,
    /// Addresses; else one word for what becomes of the mail, such as `reject 550 5.7.1 no`.
    pub(super) leads_to: Vec<String>,
    pub(super) is_enabled: bool,
}

impl Rows {
    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(file)
            .map_err(|error| Failure::new(Exit::NoInput, format!("{}: {error}", file.display())))?;
        Self::parse(&text).map_err(|why| Failure::new(Exit::Config, format!("{}: {why}", file.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let document: DocumentMut = text
            .parse()
            .map_err(|error: toml_edit::TomlError| error.message().lines().collect::<Vec<_>>().join(" "))?;
        match document.get(ROUTE) {
            None | Some(Item::ArrayOfTables(_)) => Ok(Self(document)),
            Some(_) => Err("`route` is no list of [[route]] tables; write it as such".to_owned()),
        }
    }

    fn tables(&self) -> impl Iterator<Item = &Table> {
        self.0.get(ROUTE).and_then(Item::as_array_of_tables).into_iter().flat_map(ArrayOfTables::iter)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tables().next().is_none()
    }

    /// All of them, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Row> {
        self.tables().map(|table| Row {
            pattern: pattern_of(table).to_owned(),
            leads_to: leads_to(table),
            is_enabled: is_enabled(table),
        })
    }

    /// A row of its own for `pattern`, where it counts.
    pub(super) fn add(&mut self, pattern: &str, targets: &[String]) -> Result<(), Failure> {
        if self.position(pattern).is_some() {
            let what = format!("there is a row for {pattern} already; remove it first");
            return Err(Failure::new(Exit::Usage, what));
        }
        let mut table = Table::new();
        table.insert(MATCH, value(pattern));
        table.insert("to", value(targets.iter().map(String::as_str).collect::<Array>()));
        let place = self.shadowing(pattern);
        let rows = self.0.entry(ROUTE).or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        let Some(rows) = rows.as_array_of_tables_mut() else { return Ok(()) };
        match place.and_then(|place| Some((place, rows.get(place)?.position()))) {
            Some((place, position)) => {
                // written before the one that had the place
                table.set_position(position);
                rows.insert(place, table);
            }
            None => rows.push(table),
        }
        Ok(())
    }

    /// The first row that would take an address from a new row for it.
    fn shadowing(&self, pattern: &str) -> Option<usize> {
        let address: Mailbox = pattern.parse().ok()?;
        let matches = |table: &Table| {
            pattern_of(table).parse::<Pattern>().is_ok_and(|pattern| pattern.matches(address.as_ref()))
        };
        self.tables().position(matches)
    }

    pub(super) fn enable(&mut self, pattern: &str) -> Result<(), Failure> {
        self.named(pattern)?.remove(ENABLED);
        Ok(())
    }

    pub(super) fn disable(&mut self, pattern: &str) -> Result<(), Failure> {
        self.named(pattern)?.insert(ENABLED, value(false));
        Ok(())
    }

    pub(super) fn remove(&mut self, pattern: &str) -> Result<(), Failure> {
        let place = self.position(pattern).ok_or_else(|| missing(pattern))?;
        if let Some(rows) = self.0.get_mut(ROUTE).and_then(Item::as_array_of_tables_mut) {
            rows.remove(place);
        }
        Ok(())
    }

    fn named(&mut self, pattern: &str) -> Result<&mut Table, Failure> {
        let place = self.position(pattern).ok_or_else(|| missing(pattern))?;
        let rows = self.0.get_mut(ROUTE).and_then(Item::as_array_of_tables_mut);
        rows.and_then(|rows| rows.get_mut(place)).ok_or_else(|| missing(pattern))
    }

    fn position(&self, pattern: &str) -> Option<usize> {
        self.tables().position(|table| pattern_of(table).eq_ignore_ascii_case(pattern))
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn missing(pattern: &str) -> Failure {
    Failure::new(Exit::NoInput, format!("there is no row for {pattern}; `smtpkit route list` shows all"))
}

fn pattern_of(table: &Table) -> &str {
    table.get(MATCH).and_then(Item::as_str).unwrap_or_default()
}

fn is_enabled(table: &Table) -> bool {
    table.get(ENABLED).and_then(Item::as_bool).unwrap_or(true)
}

fn leads_to(table: &Table) -> Vec<String> {
    if let Some(targets) = table.get("to").and_then(Item::as_array) {
        return targets.iter().filter_map(|target| target.as_str().map(str::to_owned)).collect();
    }
    let kinds = ["maildir", "lmtp", "smarthost", "reject"];
    let found = kinds.iter().find_map(|kind| Some(format!("{kind} {}", table.get(kind)?.as_str()?)));
    vec![found.unwrap_or_else(|| "discard".to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# ours
hostname = \"mx.example.test\" # the name

[[listener]]
url = \"mx://127.0.0.1:0\"

# the shop
[[route]]
match = \"sales@example.test\"
to = [\"bob@example.test\"] # for now

# all the others
[[route]]
match = \"*@example.test\"
reject = \"550 5.7.1 no\"

[relay]
mx_port = 26
";

    fn changed(change: impl FnOnce(&mut Rows) -> Result<(), Failure>) -> String {
        let mut rows = Rows::parse(FILE).unwrap();
        change(&mut rows).unwrap();
        rows.to_string()
    }

    fn to(target: &str) -> Vec<String> {
        vec![target.to_owned()]
    }

    #[test]
    fn a_new_row_stands_before_the_one_that_would_take_its_mail() {
        let row = "\n[[route]]\nmatch = \"hi@example.test\"\nto = [\"me@elsewhere.test\"]\n";
        let place = "\n# all the others\n";
        assert_eq!(
            changed(|rows| rows.add("hi@example.test", &to("me@elsewhere.test"))),
            FILE.replace(place, &format!("{row}{place}"))
        );
        let row = row.replace("hi@example.test", "hi@other.test");
        let place = "\n[relay]\n";
        assert_eq!(
            changed(|rows| rows.add("hi@other.test", &to("me@elsewhere.test"))),
            FILE.replace(place, &format!("{row}{place}"))
        );
    }

    #[test]
    fn the_first_row_of_a_file_comes_to_its_end() {
        let mut rows = Rows::parse("hostname = \"a.test\"\n").unwrap();
        rows.add("hi@a.test", &to("me@b.test")).unwrap();
        assert_eq!(
            rows.to_string(),
            "hostname = \"a.test\"\n\n[[route]]\nmatch = \"hi@a.test\"\nto = [\"me@b.test\"]\n"
        );
    }

    #[test]
    fn a_row_is_switched_off_and_on_and_taken_out() {
        let off = changed(|rows| rows.disable("SALES@example.test"));
        assert_eq!(off, FILE.replace("# for now\n", "# for now\nenabled = false\n"));
        let mut rows = Rows::parse(&off).unwrap();
        assert!(!rows.iter().next().unwrap().is_enabled);
        rows.enable("sales@example.test").unwrap();
        assert_eq!(rows.to_string(), FILE);
        let without = changed(|rows| rows.remove("sales@example.test"));
        assert!(!without.contains("sales") && without.contains("# all the others"), "{without}");
    }

    #[test]
    fn every_row_says_where_it_leads() {
        let rows = Rows::parse(FILE).unwrap();
        let shown: Vec<String> =
            rows.iter().map(|row| format!("{} {}", row.pattern, row.leads_to.join(","))).collect();
        assert_eq!(shown, ["sales@example.test bob@example.test", "*@example.test reject 550 5.7.1 no"]);
    }

    #[test]
    fn what_is_not_there_or_there_already_says_so() {
        let mut rows = Rows::parse(FILE).unwrap();
        let exits = [
            rows.enable("x@example.test").unwrap_err().exit(),
            rows.disable("x@example.test").unwrap_err().exit(),
            rows.remove("x@example.test").unwrap_err().exit(),
            rows.add("sales@example.test", &to("x@y.test")).unwrap_err().exit(),
        ];
        assert_eq!(exits, [Exit::NoInput, Exit::NoInput, Exit::NoInput, Exit::Usage]);
        assert!(Rows::parse("route = 5").is_err() && Rows::parse("[[route").is_err());
    }
}

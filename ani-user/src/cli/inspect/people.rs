//! What people read: what it is, who is called, everybody who is named, the way to the ANI, what is
//! displayed, what the network says, what is wrong.

use serde_json::{Map, Value};

use super::{ANY, input::Input};
use crate::{
    cli::output::{Side, Table, cut, items, plain, shown},
    config::Trunk,
    identity::Why,
    sip::{self, Fault},
};

/// Room for a number, for a name or a token, and for a URI with its parameters.
const NUMBER_WIDTH: usize = 24;
const NAME_WIDTH: usize = 48;
const URI_WIDTH: usize = 120;

/// All of it.
pub(super) fn text(record: &Value, input: &Input, trunk: Option<&Trunk>) -> String {
    let mut page = Page::default();
    page.what(record, input, trunk);
    page.called(record);
    page.candidates(record);
    page.steps(record);
    page.caller(record);
    page.attestation(&record["attestation"]);
    page.kernel(record, trunk);
    page.malformed(record);
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// A line of ours, with text of strangers in it.
    fn line(&mut self, line: &str) {
        self.text.push_str(plain(line).trim_end());
        self.text.push('\n');
    }

    fn field(&mut self, name: &str, value: &str) {
        self.line(&format!("{name:<14}{value}"));
    }

    fn section(&mut self, title: &str) {
        self.text.push('\n');
        self.line(title);
    }

    /// A table below its title.
    fn table(&mut self, indent: &str, table: &Table) {
        for line in table.text().lines() {
            self.line(&format!("{indent}{line}"));
        }
    }

    fn what(&mut self, record: &Value, input: &Input, trunk: Option<&Trunk>) {
        self.line(&format!("INVITE {}", shown(&record["request_uri"])));
        let body = sip::invite(&input.message, false).map_or(0, |invite| invite.body.len());
        self.field("size", &format!("{} bytes, {body} of them body", input.len));
        if input.lf_only {
            self.field("line ends", "LF alone; read as CRLF, which messages have on the wire");
        }
        self.field("read by", &reading(trunk));
        self.field("call-id", &shown(&record["call_id"]));
    }

    fn called(&mut self, record: &Value) {
        let toll_free = if record["toll_free"] == true { ", toll-free" } else { "" };
        let dialog = if record["to_tag"].is_string() { ", within a dialog" } else { "" };
        self.field("called", &format!("{}{toll_free}{dialog}", shown(&record["dnis"])));
    }

    fn candidates(&mut self, record: &Value) {
        self.section("candidates");
        let candidates = items(&record["candidates"]);
        if candidates.is_empty() {
            self.line("  nobody is named");
            return;
        }
        let mut table = Table::new(&[
            ("", Side::Left),
            ("header", Side::Left),
            ("value", Side::Right),
            ("number", Side::Left),
            ("what it is", Side::Left),
            ("why", Side::Left),
        ]);
        for candidate in candidates {
            let why = Why::ALL.into_iter().find(|why| candidate["why"] == why.as_str());
            table.row([
                if why == Some(Why::Chosen) { "*" } else { "" }.to_owned(),
                shown(&candidate["header"]),
                shown(&candidate["value"]),
                cut(&candidate["number"], NUMBER_WIDTH),
                shown(&candidate["form"]),
                why.map_or_else(|| shown(&candidate["why"]), |why| why.sentence().to_owned()),
            ]);
        }
        // What stands in the message goes below each, where it has room.
        let text = table.text();
        for (at, line) in text.lines().enumerate() {
            self.line(&format!("  {line}"));
            if let Some(candidate) = at.checked_sub(1).and_then(|at| candidates.get(at)) {
                self.line(&format!("       {}", as_it_came(candidate)));
            }
        }
    }

    fn steps(&mut self, record: &Value) {
        self.section("steps to the ANI");
        for (number, step) in (1..).zip(items(&record["steps"])) {
            self.line(&format!("  {number:>2}  {}", shown(&step["says"])));
        }
    }

    fn caller(&mut self, record: &Value) {
        self.text.push('\n');
        let source = match &record["ani_source"] {
            Value::Null => String::new(),
            source => format!(", read from the header {}", shown(source)),
        };
        let status = shown(&record["ani_status"]);
        self.field("ANI", &format!("{} ({status}){source}", shown(&record["ani"])));
        let same = against(&record["caller_id_matches"]);
        self.field("caller ID", &format!("{}{same}", shown(&record["caller_id"])));
        let same = against(&record["display_matches"]);
        self.field("display name", &format!("{}{same}", cut(&record["from_display"], NAME_WIDTH)));
        let oli = &record["oli"];
        if oli.is_object() {
            let meaning = match &oli["meaning"] {
                Value::Null => "nobody says what that means".to_owned(),
                meaning => shown(meaning),
            };
            let [parameter, value, header] =
                ["parameter", "value", "header"].map(|key| cut(&oli[key], NAME_WIDTH));
            self.field("line", &format!("{parameter}={value} in the header {header}: {meaning}"));
        }
        let privacy: Vec<_> = items(&record["privacy"]).iter().map(shown).collect();
        let privacy =
            if privacy.is_empty() { "not asked for".to_owned() } else { privacy.join("; ") };
        self.field("privacy", &privacy);
    }

    /// What is there of it, whatever fields it has: values first, then who told what where.
    fn attestation(&mut self, attestation: &Value) {
        let none = Map::new();
        let fields = attestation.as_object().unwrap_or(&none);
        self.field("attestation", &shown(&attestation["level"]));
        for (name, value) in fields {
            let is_said = !value.is_null() && !value.is_array() && value.as_u64() != Some(0);
            if is_said && name != "level" {
                self.line(&format!("  {:<20}{}", name.replace('_', " "), shown(value)));
            }
        }
        for (name, value) in fields {
            self.told(name, items(value));
        }
    }

    fn told(&mut self, name: &str, rows: &[Value]) {
        if rows.is_empty() {
            return;
        }
        const COLUMNS: [&str; 8] =
            ["token", "header", "place", "by", "believed", "outcome", "level", "why"];
        self.line(&format!("  {}", name.replace('_', " ")));
        let mut table = Table::new(&COLUMNS.map(|column| (column, Side::Left)));
        for row in rows {
            table.row(COLUMNS.map(|column| cut(&row[column], NAME_WIDTH)));
        }
        self.table("    ", &table);
    }

    fn kernel(&mut self, record: &Value, trunk: Option<&Trunk>) {
        let kernel = &record["kernel"];
        let says = match &kernel["not_plain"] {
            _ if trunk.is_none() => "lets it pass: it comes from no trunk".to_owned(),
            Value::Null => format!("plain: decides alone, caller {}", shown(&kernel["ani"])),
            why => format!("not plain, {}: leaves it to the daemon", shown(why)),
        };
        self.field("kernel", &says);
        if record["rule"].is_string() {
            let (verdict, rule) = (shown(&record["verdict"]), shown(&record["rule"]));
            self.field("verdict", &format!("{verdict}, by rule {rule}"));
        }
    }

    fn malformed(&mut self, record: &Value) {
        let words = items(&record["malformed"]);
        if words.is_empty() {
            self.field("malformed", "nothing");
            return;
        }
        self.section("malformed");
        let mut table = Table::new(&[("word", Side::Left), ("what it says", Side::Left)]);
        for word in words {
            let fault = Fault::ALL.iter().find(|fault| word == fault.as_str());
            let sentence = fault.map_or_else(String::new, |fault| fault.sentence().to_owned());
            table.row([shown(word), sentence]);
        }
        self.table("  ", &table);
    }
}

/// Name, URI and parameters of a candidate.
fn as_it_came(candidate: &Value) -> String {
    let mut text = String::new();
    if candidate["display"].is_string() {
        text = format!("\"{}\" ", cut(&candidate["display"], NAME_WIDTH));
    }
    text.push_str(&format!("<{}>", cut(&candidate["uri"], URI_WIDTH)));
    if candidate["parameters"].is_string() {
        text.push_str(&cut(&candidate["parameters"], URI_WIDTH));
    }
    text
}

fn reading(trunk: Option<&Trunk>) -> String {
    let Some(trunk) = trunk else {
        return "nobody's rules: from no configured trunk, only From is read".to_owned();
    };
    let country = trunk.country.as_deref().unwrap_or("none");
    let profile = format!("profile {}, country {country}", trunk.profile.name);
    if trunk.name == ANY { profile } else { format!("trunk {}, {profile}", trunk.name) }
}

/// Whether what is displayed is the ANI.
fn against(matches: &Value) -> &'static str {
    match matches {
        Value::Bool(true) => ", the same as the ANI",
        Value::Bool(false) => ", another than the ANI",
        _ => "",
    }
}

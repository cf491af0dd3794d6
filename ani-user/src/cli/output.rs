//! What is printed: tables whose columns stand in line, JSON as the daemon said it.

use std::io::{self, Write as _};

use serde_json::Value;

/// Stands where there is nothing.
pub(super) const NOTHING: &str = "-";

/// Which side of its column a cell stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// Rows under a head; two spaces between columns, none at the end of a line.
pub(super) struct Table {
    columns: Vec<(&'static str, Side)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(columns: &[(&'static str, Side)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(super) fn text(&self) -> String {
        let head: Vec<_> = self.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        let lines = || std::iter::once(&head).chain(&self.rows);
        let widths: Vec<_> = (0..self.columns.len())
            .map(|at| lines().filter_map(|row| row.get(at)).map(|cell| width(cell)).max())
            .map(|width| width.unwrap_or(0))
            .collect();
        let mut text = String::new();
        for row in lines() {
            let mut line = String::new();
            for ((cell, width), (_, side)) in row.iter().zip(&widths).zip(&self.columns) {
                let space = " ".repeat(width.saturating_sub(self::width(cell)));
                match side {
                    Side::Left => line.extend([cell, space.as_str(), "  "]),
                    Side::Right => line.extend([space.as_str(), cell, "  "]),
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

/// A value as it is shown: text without control characters, `-` for nothing.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::String(text) if text.is_empty() => NOTHING.to_owned(),
        Value::String(text) => plain(text),
        other => other.to_string(),
    }
}

/// Text without control characters: callers choose their names, and nothing of theirs may steer a
/// terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}

/// As much of a value as a table has room for.
pub(super) fn cut(value: &Value, width: usize) -> String {
    let text = shown(value);
    if self::width(&text) <= width {
        return text;
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// A time to the second: `2030-01-31 12:00:00`.
pub(super) fn time(value: &Value) -> String {
    match value.as_str().and_then(|text| text.get(..19)) {
        Some(text) => text.replace('T', " "),
        None => shown(value),
    }
}

/// The items of a list; none for anything else.
pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// `1 number`, `2 numbers`.
pub(super) fn count(number: &Value, noun: &str) -> String {
    let plural = if number.as_u64() == Some(1) { "" } else { "s" };
    format!("{} {noun}{plural}", shown(number))
}

/// Writes to standard output; the error may be a pipe that was closed.
pub(super) fn print(text: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_ref())?;
    stdout.flush()?;
    Ok(())
}

/// JSON as the daemon said it, on a line.
pub(super) fn print_json(json: &[u8]) -> anyhow::Result<()> {
    print([json.trim_ascii_end(), b"\n"].concat())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_stand_in_line() {
        let mut table =
            Table::new(&[("caller", Side::Left), ("calls", Side::Right), ("", Side::Left)]);
        table.row(["+14155551234".to_owned(), "7".to_owned(), "é".to_owned()]);
        table.row(["bob".to_owned(), "123456".to_owned(), NOTHING.to_owned()]);
        assert_eq!(
            table.text(),
            "caller         calls\n\
             +14155551234       7  é\n\
             bob           123456  -\n"
        );
    }

    #[test]
    fn values_are_shown_plainly() {
        assert_eq!(shown(&json!(null)), "-");
        assert_eq!(shown(&json!("")), "-");
        assert_eq!(shown(&json!(7)), "7");
        assert_eq!(shown(&json!("a\u{1b}[31mb")), "a\u{fffd}[31mb");
        assert_eq!(cut(&json!("carrier"), 7), "carrier");
        assert_eq!(cut(&json!("carriers"), 7), "carrie…");
        assert_eq!(time(&json!("2030-01-31T12:00:00.000000Z")), "2030-01-31 12:00:00");
        assert_eq!(time(&json!(null)), "-");
        assert_eq!(count(&json!(1), "number"), "1 number");
        assert_eq!(count(&json!(0), "number"), "0 numbers");
    }
}

//! A chart's data as text that every spreadsheet and every library reads: RFC 4180, a head and rows.

/// A table of these columns. A row has as many cells as the head.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let head = head.iter().map(|&name| name.to_owned()).collect();
    std::iter::once(head).chain(rows).map(|cells: Vec<String>| line(&cells)).collect()
}

fn line(cells: &[String]) -> String {
    cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\r\n"
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// A number, or an empty cell where there is none.
pub(super) fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_cell_is_quoted() {
        let rows =
            [vec!["a, b".to_owned(), number(Some(0.5))], vec!["say \"no\"\n".to_owned(), number(None)]];
        assert_eq!(
            table(&["name", "value_ms"], rows),
            "name,value_ms\r\n\"a, b\",0.5\r\n\"say \"\"no\"\"\n\",\r\n"
        );
    }
}

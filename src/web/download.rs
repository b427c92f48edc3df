//! Files that leave the program: cells that are no formulas, names that stay names.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A text that no spreadsheet takes for a formula: a leading apostrophe keeps it text.
///
/// Spreadsheets look at the first character, some after skipping blanks; full-width signs count as their twins.
#[must_use]
pub fn harmless(text: &str) -> String {
    let skipped = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | ',' | ';');
    let first = text.trim_start_matches(skipped).chars().next();
    let starts_formula = matches!(first, Some('=' | '+' | '-' | '@' | '|' | '%' | '＝' | '＋' | '－' | '＠'));
    let starts_odd = text.starts_with(char::is_control);
    let text = text.replace(char::is_control, " ");
    if starts_formula || starts_odd { format!("'{text}") } else { text }
}

/// RFC 6266: a plain name for old programs, the real one encoded. Nothing in it can end the header or leave the folder.
#[must_use]
pub fn disposition(name: &str) -> String {
    let clean: String = name
        .chars()
        .filter(|c| {
            !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .map(|c| if matches!(c, '/' | '\\' | ':' | '"' | '<' | '>' | '|' | '*' | '?') { '_' } else { c })
        .collect();
    let clean = clean.trim_start_matches('.').replace("..", "_");
    let plain: String = clean
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(&clean, NON_ALPHANUMERIC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_never_formulas() {
        for text in
            ["=1+1", "+1", "-1", "@SUM(A1)", "|cmd", " =1", "\"=1", ",=1", "\t=1", "\u{b}=1", "＝1", "-\u{200b}x"]
        {
            assert!(harmless(text).starts_with('\''), "{text}");
        }
        for text in ["c.903G>T", "p.Gln301His", "0/1", "", "missense_variant"] {
            assert_eq!(harmless(text), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_cell_starts_a_formula(text in ".{0,20}") {
            let safe = harmless(&text);
            let first = safe.trim_start().chars().next();
            proptest::prop_assert!(!matches!(first, Some('=' | '+' | '-' | '@')));
            proptest::prop_assert!(!safe.contains(char::is_control));
        }

        #[test]
        fn a_file_name_stays_one_file_name(name in ".{0,30}") {
            let value = disposition(&name);
            proptest::prop_assert!(value.is_ascii());
            proptest::prop_assert!(!value.contains(['\r', '\n']));
            proptest::prop_assert!(!value.contains('/') && !value.contains(".."));
            proptest::prop_assert_eq!(value.matches('"').count(), 2);
        }
    }
}

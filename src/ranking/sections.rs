//! The layout of a rank model: `[section]`, `[[part]]`, `key = value`, comments after `#` (the `ConfigObj` dialect of
//! INI that genmod uses).

use std::collections::BTreeMap;

/// Why a text is not a rank model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", if *line == 0 { String::new() } else { format!("line {line}: ") })]
pub struct RankModelError {
    /// 1-based; 0 where the text as a whole is meant.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

/// A heading with the keys below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The text between the brackets.
    pub name: String,
    /// 1-based line of the heading.
    pub line: usize,
    keys: BTreeMap<String, (usize, String)>,
}

/// `[section]` with its `[[parts]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The section's own heading and keys.
    pub head: Block,
    /// What it is divided into, as in the file.
    pub parts: Vec<Block>,
}

/// Names in messages are cut here: a line of a file that is no rank model may be long.
const SHOWN: usize = 60;

fn quote(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("`{shown}`")
}

impl Block {
    fn new(name: &str, line: usize) -> Self {
        Self { name: name.to_owned(), line, keys: BTreeMap::new() }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(|(_, value)| value.as_str())
    }

    /// The value of a key that must be there.
    pub fn required(&self, key: &str) -> Result<&str, RankModelError> {
        self.get(key).ok_or_else(|| self.error(key, &format!("{} has no `{key}`", quote(&self.name))))
    }

    /// A finite number that must be there.
    pub fn number(&self, key: &str) -> Result<f64, RankModelError> {
        let text = self.required(key)?;
        text.parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| self.error(key, &format!("`{key}`: {} is not a number", quote(text))))
    }

    /// An error at a key, or at the heading if there is no such key.
    #[must_use]
    pub fn error(&self, key: &str, reason: &str) -> RankModelError {
        let line = self.keys.get(key).map_or(self.line, |(line, _)| *line);
        RankModelError { line, reason: reason.to_owned() }
    }
}

/// Takes a rank model apart. Names and keys stand once each, as genmod demands.
pub fn sections(text: &str) -> Result<Vec<Section>, RankModelError> {
    let mut sections: Vec<Section> = Vec::new();
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = without_comment(line).trim();
        let wrong = |reason: String| RankModelError { line: at + 1, reason };
        if line.is_empty() {
            continue;
        }
        if let Some(name) = line.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]")) {
            let name = heading(name).ok_or_else(|| wrong(format!("{} is no heading", quote(line))))?;
            let section =
                sections.last_mut().ok_or_else(|| wrong(format!("{} stands before any section", quote(line))))?;
            if section.parts.iter().any(|part| part.name == name) {
                return Err(wrong(format!("{} stands twice in its section", quote(line))));
            }
            section.parts.push(Block::new(name, at + 1));
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let name = heading(name).ok_or_else(|| wrong(format!("{} is no heading", quote(line))))?;
            if sections.iter().any(|section| section.head.name == name) {
                return Err(wrong(format!("section {} stands twice", quote(line))));
            }
            sections.push(Section { head: Block::new(name, at + 1), parts: Vec::new() });
        } else {
            let (key, value) = line
                .split_once('=')
                .ok_or_else(|| wrong(format!("{} is neither a heading nor `key = value`", quote(line))))?;
            let section =
                sections.last_mut().ok_or_else(|| wrong(format!("{} stands before any section", quote(line))))?;
            let block = section.parts.last_mut().unwrap_or(&mut section.head);
            let key = key.trim();
            if block.keys.insert(key.to_owned(), (at + 1, unquoted(value.trim()).to_owned())).is_some() {
                return Err(wrong(format!("key {} stands twice", quote(key))));
            }
        }
    }
    Ok(sections)
}

/// The name in a heading: not empty, and no bracket of a deeper level.
fn heading(name: &str) -> Option<&str> {
    let name = unquoted(name.trim());
    (!name.is_empty() && !name.contains(['[', ']'])).then_some(name)
}

/// A line up to a `#` that is not within quotes.
fn without_comment(line: &str) -> &str {
    let mut open = None;
    for (at, sign) in line.char_indices() {
        match (open, sign) {
            (None, '#') => return &line[..at],
            (None, '\'' | '"') => open = Some(sign),
            (Some(quote), _) if quote == sign => open = None,
            _ => {}
        }
    }
    line
}

/// A value without the quotes around it. A list, `',',':'`, stays as it is written.
fn unquoted(value: &str) -> &str {
    for quote in ['\'', '"'] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote))
            && !inner.contains(quote)
        {
            return inner;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        sections(text).unwrap_err().to_string()
    }

    #[test]
    fn headings_keys_and_comments() {
        let read = sections(
            "\u{feff}# a model\n[Version]\n  version = 1.20 # the newest\n\n [Spidex] # a comment\nseparators = ',',':',\n \
             [[ low ]]\n score = -5\r\n string = 'a#b'\n",
        )
        .unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].head.name.as_str(), read[0].head.get("version")), ("Version", Some("1.20")));
        assert_eq!(read[1].head.get("separators"), Some("',',':',"));
        let part = &read[1].parts[0];
        assert_eq!((part.name.as_str(), part.line, part.get("string")), ("low", 7, Some("a#b")));
        assert_eq!(part.number("score"), Ok(-5.0));
    }

    #[test]
    fn errors_say_where() {
        assert_eq!(error("\nkey = 1\n"), "line 2: `key = 1` stands before any section");
        assert_eq!(error("[[part]]\n"), "line 1: `[[part]]` stands before any section");
        assert_eq!(error("[a]\nword\n"), "line 2: `word` is neither a heading nor `key = value`");
        assert_eq!(error("[a]\n[b]\n[a]\n"), "line 3: section `[a]` stands twice");
        assert_eq!(error("[a]\n[[b]]\n[[b]]\n"), "line 3: `[[b]]` stands twice in its section");
        assert_eq!(error("[a]\nx=1\nx=2\n"), "line 3: key `x` stands twice");
        assert_eq!(error("[a]\n[[[deep]]]\n"), "line 2: `[[[deep]]]` is no heading");
        assert_eq!(error("[]\n"), "line 1: `[]` is no heading");
        let read = sections("[a]\n[[b]]\nscore = many\nmore = nan\n").unwrap();
        let part = &read[0].parts[0];
        assert_eq!(part.number("score").unwrap_err().to_string(), "line 3: `score`: `many` is not a number");
        assert_eq!(part.number("more").unwrap_err().to_string(), "line 4: `more`: `nan` is not a number");
        assert_eq!(part.required("lower").unwrap_err().to_string(), "line 2: `b` has no `lower`");
        assert!(error(&"é".repeat(5_000)).len() < 250, "a long line is not repeated");
    }
}

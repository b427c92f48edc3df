//! The inside of a structured meta line: `<ID=DP,Number=1,Type=Integer,Description="Read depth">`.

/// One `key=value` of a structured meta line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MetaField {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) quoted: bool,
}

/// A structured meta line in the order of its fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Structured {
    pub(super) fields: Vec<MetaField>,
    /// What of the text is not as the specification has it.
    pub(super) problems: Vec<String>,
}

impl Structured {
    /// Most fields of one line.
    const FIELDS: usize = 1_000;

    /// Reads as much as can be read; `None` when the text is not in angle brackets at all.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let inner = text.strip_prefix('<')?;
        let mut parsed = Self::default();
        let inner = if let Some(inner) = inner.strip_suffix('>') {
            inner
        } else {
            parsed.problems.push("the line does not end in `>`".to_owned());
            inner
        };
        let mut rest = inner;
        while !rest.is_empty() {
            if parsed.fields.len() + parsed.problems.len() > Self::FIELDS {
                parsed.problems.push("there are more fields than are read".to_owned());
                break;
            }
            rest = parsed.field(rest);
        }
        Some(parsed)
    }

    fn field<'a>(&mut self, text: &'a str) -> &'a str {
        let comma = text.find(',').unwrap_or(text.len());
        let Some(equals) = text[..comma].find('=') else {
            self.problems.push(format!("`{}` has no `=`; values with commas need quotes", shortened(&text[..comma])));
            return text.get(comma + 1..).unwrap_or("");
        };
        let key = text[..equals].trim().to_owned();
        let value = &text[equals + 1..];
        if let Some(value) = value.strip_prefix('"') {
            let (value, rest) = self.quoted(&key, value);
            self.fields.push(MetaField { key, value, quoted: true });
            return rest;
        }
        let end = if value.starts_with('[') { value.find(']').map(|at| at + 1) } else { None };
        let end = end.unwrap_or_else(|| value.find(',').unwrap_or(value.len()));
        self.fields.push(MetaField { key, value: value[..end].to_owned(), quoted: false });
        value[end..].strip_prefix(',').unwrap_or(&value[end..])
    }

    /// A closing quote is one that a comma or the end follows; any other is taken as part of the text.
    fn quoted<'a>(&mut self, key: &str, text: &'a str) -> (String, &'a str) {
        let mut value = String::new();
        let mut chars = text.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => match chars.clone().next() {
                    Some((_, next @ ('"' | '\\'))) => {
                        value.push(next);
                        chars.next();
                    }
                    _ => value.push(c),
                },
                '"' => {
                    let rest = &text[at + 1..];
                    match rest.strip_prefix(',') {
                        Some(rest) => return (value, rest),
                        None if rest.is_empty() => return (value, rest),
                        None => {
                            self.problems.push(format!("{key} holds a quotation mark that is not escaped"));
                            value.push(c);
                        }
                    }
                }
                _ => value.push(c),
            }
        }
        self.problems.push(format!("the quotation mark that {key} opens is never closed"));
        (value, "")
    }

    pub(super) fn get(&self, key: &str) -> Option<&MetaField> {
        self.fields.iter().find(|field| field.key == key)
    }

    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.get(key).map(|field| field.value.as_str())
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_with_their_quotes_undone() {
        let parsed = Structured::parse(r#"<ID=AB,Number=A,Type=Float,Description="a, \"b\" = c",Source="x">"#).unwrap();
        assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
        assert_eq!(parsed.value("Description"), Some(r#"a, "b" = c"#));
        assert_eq!(parsed.value("Source"), Some("x"));
        assert!(parsed.get("Description").unwrap().quoted);
        assert!(!parsed.get("ID").unwrap().quoted);
    }

    #[test]
    fn lists_in_brackets_keep_their_commas() {
        let parsed = Structured::parse("<ID=Assay,Values=[WholeGenome, Exome]>").unwrap();
        assert!(parsed.problems.is_empty());
        assert_eq!(parsed.value("Values"), Some("[WholeGenome, Exome]"));
    }

    #[test]
    fn broken_lines_are_read_as_far_as_they_go_and_named() {
        for (text, part) in [
            (r#"<ID=A,Description="open>"#, "never closed"),
            ("<ID=A,Description=x", "does not end"),
            ("<ID=DEL:A,B,Description=\"x\">", "no `=`"),
            (r#"<ID=A,Description="an "inner" one">"#, "not escaped"),
        ] {
            let parsed = Structured::parse(text).unwrap();
            assert!(parsed.problems.iter().any(|problem| problem.contains(part)), "{text}: {:?}", parsed.problems);
            assert!(parsed.value("ID").is_some(), "{text}");
        }
        assert_eq!(Structured::parse("plain"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "<[\\PC\\\\\"=,<>\\[\\]]{0,60}") {
            let _ = Structured::parse(&text);
        }
    }
}

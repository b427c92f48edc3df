//! The one text a document is hashed as.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bson::RawDocument;
use bson::raw::RawBsonRef;
use jiff::Timestamp;

/// Why a document has no canonical text.
#[derive(Debug, thiserror::Error)]
pub enum NotCanonical {
    /// The bytes are not a document.
    #[error("not a document: {0}")]
    Broken(#[from] bson::error::Error),
    /// The trail does not use this type of value.
    #[error("`{0}` holds a type of value that the trail does not use")]
    Type(String),
    /// The same name stands twice in one object.
    #[error("`{0}` stands twice in one object")]
    Twice(String),
}

/// `document` as JSON with sorted names, without spaces, with whole numbers only and times as `2026-01-02T03:04:05.678Z`.
///
/// Any JSON library that sorts names by code point and escapes no more than it must writes the same text (RFC 8785
/// restricted to these types). Fields named in `without` are left out of the outermost object.
pub fn canonical(document: &RawDocument, without: &[&str]) -> Result<String, NotCanonical> {
    let mut text = String::with_capacity(document.as_bytes().len());
    object(document, without, &mut text)?;
    Ok(text)
}

fn object(document: &RawDocument, without: &[&str], text: &mut String) -> Result<(), NotCanonical> {
    let mut fields = BTreeMap::new();
    for field in document {
        let (name, value) = field?;
        let name: &str = name.as_ref();
        if !without.contains(&name) && fields.insert(name, value).is_some() {
            return Err(NotCanonical::Twice(name.to_owned()));
        }
    }
    text.push('{');
    for (number, (name, field)) in fields.into_iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        string(name, text);
        text.push(':');
        value(name, field, text)?;
    }
    text.push('}');
    Ok(())
}

fn value(name: &str, held: RawBsonRef<'_>, text: &mut String) -> Result<(), NotCanonical> {
    match held {
        RawBsonRef::Null => text.push_str("null"),
        RawBsonRef::Boolean(yes) => text.push_str(if yes { "true" } else { "false" }),
        RawBsonRef::Int32(number) => write!(text, "{number}").unwrap_or_default(),
        RawBsonRef::Int64(number) => write!(text, "{number}").unwrap_or_default(),
        RawBsonRef::String(words) => string(words, text),
        RawBsonRef::DateTime(time) => {
            let time = Timestamp::from_millisecond(time.timestamp_millis())
                .map_err(|_| NotCanonical::Type(name.to_owned()))?;
            write!(text, "\"{time:.3}\"").unwrap_or_default();
        }
        RawBsonRef::Document(inner) => object(inner, &[], text)?,
        RawBsonRef::Array(items) => {
            text.push('[');
            for (number, item) in items.into_iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                value(name, item?, text)?;
            }
            text.push(']');
        }
        _ => return Err(NotCanonical::Type(name.to_owned())),
    }
    Ok(())
}

fn string(words: &str, text: &mut String) {
    // A string always has a JSON form.
    text.push_str(&serde_json::to_string(words).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, rawdoc};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_sorted_and_nothing_is_ambiguous() {
        let document = rawdoc! {
            "b": [1_i32, "x\"\n\u{1}é"], "a": DateTime::from_millis(1_767_323_045_678), "out": 1.5, "c": { "z": true, "y": null }, "d": {}
        };
        assert_eq!(
            canonical(&document, &["out"]).unwrap(),
            r#"{"a":"2026-01-02T03:04:05.678Z","b":[1,"x\"\n\u0001é"],"c":{"y":null,"z":true},"d":{}}"#
        );
        assert!(matches!(canonical(&document, &[]), Err(NotCanonical::Type(name)) if name == "out"));
    }

    #[test]
    fn a_name_twice_is_refused() {
        let mut document = rawdoc! { "a": 1_i32 };
        document.append(bson::cstr!("a"), 2_i32);
        assert!(matches!(canonical(&document, &[]), Err(NotCanonical::Twice(_))));
    }

    #[test]
    fn whole_seconds_keep_their_milliseconds() {
        let document = rawdoc! { "at": DateTime::from_millis(0) };
        assert_eq!(canonical(&document, &[]).unwrap(), r#"{"at":"1970-01-01T00:00:00.000Z"}"#);
    }

    proptest! {
        #[test]
        fn a_json_library_reads_back_what_was_meant(words in any::<String>(), number in any::<i64>()) {
            let text = canonical(&rawdoc! { "w": words.as_str(), "n": number }, &[]).unwrap();
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read["w"].as_str(), Some(words.as_str()));
            prop_assert_eq!(read["n"].as_i64(), Some(number));
            prop_assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
    }
}

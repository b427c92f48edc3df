//! What is submitted about comments.

use serde::Deserialize;

use super::model::Reach;
use crate::error::FieldError;
use crate::ids::CommentId;

/// Most characters of a comment.
pub(super) const LONGEST: usize = 10_000;
/// Characters of a reason: it says something, and nothing else fits.
pub(super) const REASON: std::ops::RangeInclusive<usize> = 5..=500;

/// A comment as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommentForm {
    /// Drawn with the form.
    pub id: String,
    /// Markdown.
    pub text: String,
    /// `institute`, or `case`, as when it is missing.
    pub reach: Option<String>,
}

/// A comment that can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewComment {
    /// Identity.
    pub id: CommentId,
    /// Markdown, neither empty nor too long.
    pub text: String,
    /// Where it is to be shown.
    pub reach: Reach,
}

/// Another text for a comment.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EditForm {
    pub text: String,
    /// Revision that was shown.
    pub rev: i64,
}

/// What was shown.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    pub rev: i64,
}

/// Why a text is to be erased.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RedactForm {
    pub reason: String,
}

/// A button without anything to fill in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pressed {}

/// A text without empty ends, with one kind of line break.
pub(crate) fn read_text(text: &str) -> Result<String, FieldError> {
    let read = text.replace("\r\n", "\n");
    let read = read.trim();
    let wrong = |message: String| Err(FieldError::new("text", text, message));
    match read.chars().count() {
        0 => wrong("write something".to_owned()),
        length if length > LONGEST => {
            wrong(format!("write at most {LONGEST} characters; this is {length}, so divide it into several comments"))
        }
        _ if read.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) => {
            wrong("leave out control characters".to_owned())
        }
        _ => Ok(read.to_owned()),
    }
}

pub(super) fn read_reason(text: &str) -> Result<String, FieldError> {
    let reason = text.trim();
    if REASON.contains(&reason.chars().count()) && !reason.chars().any(char::is_control) {
        return Ok(reason.to_owned());
    }
    let message = format!("say why in {} to {} characters on one line", REASON.start(), REASON.end());
    Err(FieldError::new("reason", text, message))
}

impl CommentForm {
    /// An empty form for a new comment.
    pub(super) fn empty() -> Self {
        Self { id: CommentId::random().to_string(), ..Self::default() }
    }

    /// The comment, or what is wrong with each field. `about_variant`: only what is said of a variant can reach further
    /// than its case, and only when the author's institute owns the case.
    pub(crate) fn parse(&self, may_reach_institute: bool) -> Result<NewComment, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let id = self.id.parse::<CommentId>();
        if id.is_err() {
            wrong.push(FieldError::new("id", &self.id, "open the page again and repeat"));
        }
        let text = read_text(&self.text).map_err(|error| wrong.push(error));
        let reach = match self.reach.as_deref() {
            None | Some("case") => Some(Reach::Case),
            Some("institute") if may_reach_institute => Some(Reach::Institute),
            Some(other) => {
                wrong.push(FieldError::new("reach", other, "choose where the comment is shown"));
                None
            }
        };
        match (id, text, reach) {
            (Ok(id), Ok(text), Some(reach)) => Ok(NewComment { id, text, reach }),
            _ => Err(wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(text: &str, reach: Option<&str>) -> CommentForm {
        CommentForm { text: text.to_owned(), reach: reach.map(str::to_owned), ..CommentForm::empty() }
    }

    #[test]
    fn a_comment_says_something_and_where() {
        let read = form(" one\r\ntwo\n", None).parse(false).unwrap();
        assert_eq!((read.text.as_str(), read.reach), ("one\ntwo", Reach::Case));
        assert_eq!(form("x", Some("institute")).parse(true).unwrap().reach, Reach::Institute);
        for (wrong, field) in [
            (form(" \n", None), "text"),
            (form(&"x".repeat(LONGEST + 1), None), "text"),
            (form("a\u{0}b", None), "text"),
            (form("x", Some("institute")), "reach"),
            (form("x", Some("everybody")), "reach"),
            (CommentForm { id: "1".to_owned(), ..form("x", None) }, "id"),
        ] {
            let errors = wrong.parse(false).unwrap_err();
            assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), [field]);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,50}[\\x00-\\x7f]{0,20}") {
            if let Ok(read) = read_text(&text) {
                prop_assert_eq!(read_text(&read).unwrap(), read.clone());
                prop_assert!(!read.is_empty() && read.trim() == read);
            }
            let _ = read_reason(&text);
        }
    }
}

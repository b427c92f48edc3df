//! Whom a comment mentions: `@` and what stands before the `@` in a colleague's e-mail address.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use crate::users::Colleague;

/// Somebody a comment mentions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// Who.
    pub user: UserId,
    /// What was written after the `@`, in lower case.
    pub handle: String,
    /// Their name then.
    pub name: String,
}

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Text(&'a str),
    /// What follows an `@`.
    Mention(&'a str),
}

/// What a colleague is mentioned by.
#[must_use]
pub fn handle(colleague: &Colleague) -> &str {
    colleague.email.as_str().split_once('@').map_or("", |(name, _)| name)
}

/// Who of the colleagues a text mentions, each once. A handle that two of them share means both.
#[must_use]
pub fn mentioned(text: &str, colleagues: &[Colleague]) -> Vec<Mention> {
    let mut found: Vec<Mention> = Vec::new();
    for part in parts(text) {
        let Part::Mention(written) = part else { continue };
        let written = written.to_lowercase();
        for colleague in colleagues.iter().filter(|colleague| handle(colleague) == written) {
            if !found.iter().any(|mention| mention.user == colleague.id) {
                found.push(Mention {
                    user: colleague.id.clone(),
                    handle: written.clone(),
                    name: colleague.name.clone(),
                });
            }
        }
    }
    found
}

fn is_of_handle(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '+' | '-')
}

/// The text in pieces; together they are the text.
pub(super) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut looked = 0;
    while let Some(at) = rest[looked..].find('@').map(|at| at + looked) {
        let after = &rest[at + 1..];
        let length = after.find(|c| !is_of_handle(c)).unwrap_or(after.len());
        // A full stop ends the sentence, not the name.
        let written = after[..length].trim_end_matches(['.', '-', '+', '_']);
        // `a@b` is an address.
        let is_apart = !rest[..at].chars().next_back().is_some_and(|c| is_of_handle(c) || c == '@');
        if written.is_empty() || !is_apart {
            looked = at + 1;
            continue;
        }
        if at > 0 {
            parts.push(Part::Text(&rest[..at]));
        }
        parts.push(Part::Mention(written));
        rest = &after[written.len()..];
        looked = 0;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn colleague(email: &str, name: &str) -> Colleague {
        Colleague { id: UserId::random(), email: email.parse().unwrap(), name: name.to_owned() }
    }

    #[test]
    fn colleagues_are_mentioned_by_the_beginning_of_their_address() {
        let all = [
            colleague("ann@a.org", "Ann"),
            colleague("bo.berg@a.org", "Bo"),
            colleague("ann@b.org", "Other Ann"),
            colleague("eve@a.org", "Eve"),
        ];
        let names = |text: &str| mentioned(text, &all).into_iter().map(|mention| mention.name).collect::<Vec<_>>();
        assert_eq!(names("@Bo.Berg. look, (@ann) and @bo.berg again"), ["Bo", "Ann", "Other Ann"]);
        assert_eq!(names("eve@a.org, @@eve, @evelyn, @ eve, 5x@eve"), [""; 0]);
        assert_eq!(names("@eve"), ["Eve"]);
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_text(text in r"[a-c@. \-é\n]{0,40}") {
            let whole: String = parts(&text).iter().map(|part| match part {
                Part::Text(text) => (*text).to_owned(),
                Part::Mention(handle) => format!("@{handle}"),
            }).collect();
            prop_assert_eq!(whole, text);
        }
    }
}

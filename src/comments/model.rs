use bson::doc;
use jiff::Timestamp;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use super::mentions::Mention;
use crate::cases::ListKind;
use crate::db::{Stored, index};
use crate::events::Actor;
use crate::genome::NormKey;
use crate::ids::{CaseId, CommentId, InstituteId, UserId, VariantId};

/// What somebody wrote about a case or one of its variants, with all earlier texts.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comment {
    /// Drawn when the form is made, so that a form sent twice is one comment.
    #[serde(rename = "_id")]
    pub id: CommentId,
    /// The case it was written in.
    pub case_id: CaseId,
    /// Owner of that case.
    pub owner: InstituteId,
    /// The author's institute: the owner, or the guest.
    pub institute: InstituteId,
    /// The variant it is about; none when it is about the case.
    pub variant: Option<CommentedVariant>,
    /// Where it is shown.
    pub reach: Reach,
    /// Who wrote it.
    pub author: Author,
    /// Its texts, oldest first.
    pub texts: Vec<Text>,
    /// Whom its last text mentions.
    pub mentions: Vec<Mention>,
    /// When its author took it back.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    #[serde(default)]
    pub retracted_at: Option<Timestamp>,
    /// That its texts are to be erased, or are.
    pub redaction: Option<Redaction>,
    /// When it was written.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub created_at: Timestamp,
    /// Counts changes.
    pub rev: i64,
}

/// The author, by identity and by name at that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// Who.
    pub user: UserId,
    /// The name then.
    pub name: String,
}

/// A variant as a comment names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentedVariant {
    /// In the case.
    pub id: VariantId,
    /// Its list: who does not read that list does not read the comment.
    pub list: ListKind,
    /// The same variant in other cases, whatever way their keys were made.
    pub keys: Vec<NormKey>,
    /// `7_124491972_C_A`.
    pub label: String,
}

/// Where a comment is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// In its case.
    Case,
    /// With the same variant in all cases of its institute.
    Institute,
}

impl Reach {
    /// The word in documents, forms and API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Institute => "institute",
        }
    }
}

/// One text of a comment.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Markdown; none once it is redacted.
    pub text: Option<String>,
    /// Drawn at random and gone with the text, so that nobody finds out by trying what it was.
    pub salt: Option<String>,
    /// BLAKE3 keyed by the salt: that the text is the one of the history.
    pub digest: String,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
}

/// That a comment's texts are to be erased: one person asks, another agrees.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redaction {
    /// Who asked.
    pub asked_by: Actor,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub asked_at: Timestamp,
    /// Why; what is to be erased does not stand here.
    pub reason: String,
    /// Who agreed, never who asked; from then on the texts are gone.
    pub agreed_by: Option<Actor>,
    /// When.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    #[serde(default)]
    pub agreed_at: Option<Timestamp>,
}

impl Redaction {
    /// Whether this person asked for it.
    #[must_use]
    pub fn is_by(&self, user: &UserId) -> bool {
        self.asked_by.user.as_ref() == Some(user)
    }
}

impl Text {
    /// A text as it is kept.
    #[must_use]
    pub fn new(text: &str, at: Timestamp) -> Self {
        let salt = crate::clock::random_bytes::<32>();
        let digest = blake3::keyed_hash(&salt, text.as_bytes()).to_hex().to_string();
        Self { text: Some(text.to_owned()), salt: Some(data_encoding::HEXLOWER.encode(&salt)), digest, at }
    }
}

impl Comment {
    /// Whether its text is gone.
    #[must_use]
    pub fn is_redacted(&self) -> bool {
        self.redaction.as_ref().is_some_and(|redaction| redaction.agreed_by.is_some())
    }

    /// Whether it says what its author says: it was neither taken back nor erased.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.retracted_at.is_none() && !self.is_redacted()
    }

    /// Whether somebody wrote it.
    #[must_use]
    pub fn is_by(&self, user: &UserId) -> bool {
        self.author.user == *user
    }

    /// Whether it was first written as this one: by the same person, about the same and in the same words.
    #[must_use]
    pub fn began_as(&self, other: &Self) -> bool {
        let first = |comment: &Self| comment.texts.first().and_then(|text| text.text.clone());
        let about = |comment: &Self| comment.variant.as_ref().map(|variant| variant.id.clone());
        self.is_by(&other.author.user)
            && about(self) == about(other)
            && self.reach == other.reach
            && first(self) == first(other)
    }

    /// What it says now.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.texts.last().and_then(|text| text.text.as_deref())
    }

    /// When its last text was written.
    #[must_use]
    pub fn last_written(&self) -> Timestamp {
        self.texts.last().map_or(self.created_at, |text| text.at)
    }

    /// Puts another text in place; the former ones are kept.
    pub(super) fn edit(&mut self, text: &str, mentions: Vec<Mention>, now: Timestamp) {
        self.texts.push(Text::new(text, now));
        self.mentions = mentions;
    }

    /// Erases what was written.
    pub(super) fn redact(&mut self, by: Actor, now: Timestamp) {
        for text in &mut self.texts {
            text.text = None;
            text.salt = None;
        }
        self.mentions.clear();
        if let Some(redaction) = &mut self.redaction {
            redaction.agreed_by = Some(by);
            redaction.agreed_at = Some(now);
        }
    }

    /// What the history keeps of it: everything but the texts, which can be erased where they stand.
    pub(super) fn without_texts(&self) -> Self {
        let texts = self.texts.iter().map(|text| Text { text: None, salt: None, ..text.clone() });
        Self { texts: texts.collect(), ..self.clone() }
    }
}

/// Names of stored fields that queries use.
pub(super) mod field {
    pub const CASE_ID: &str = "case_id";
    pub const OWNER: &str = "owner";
    pub const INSTITUTE: &str = "institute";
    pub const REACH: &str = "reach";
    pub const CREATED_AT: &str = "created_at";
    pub const MENTIONED: &str = "mentions.user";
    pub const VARIANT_ID: &str = "variant.id";
    pub const VARIANT_LIST: &str = "variant.list";
    pub const VARIANT_KEYS: &str = "variant.keys";
    pub const REDACTION_ASKED_AT: &str = "redaction.asked_at";
    pub const REV: &str = "rev";
}

impl Stored for Comment {
    const COLLECTION: &'static str = "comments";

    fn indexes() -> Vec<IndexModel> {
        vec![
            index("of_case", doc! { field::CASE_ID: 1, field::CREATED_AT: 1 }),
            index("of_variant", doc! { field::INSTITUTE: 1, field::VARIANT_KEYS: 1 }),
            index("mentioning", doc! { field::MENTIONED: 1, field::CREATED_AT: -1 }),
            index("to_redact", doc! { field::OWNER: 1, field::REDACTION_ASKED_AT: -1 }),
        ]
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A comment of Ann's.
    pub fn sample() -> Comment {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let user: UserId = "a".repeat(26).parse().unwrap();
        Comment {
            id: CommentId::random(),
            case_id: "e".repeat(26).parse().unwrap(),
            owner: "own".parse().unwrap(),
            institute: "own".parse().unwrap(),
            variant: None,
            reach: Reach::Case,
            author: Author { user: user.clone(), name: "Ann".to_owned() },
            texts: vec![Text::new("Look at the mother.", now)],
            mentions: vec![Mention { user, handle: "ann".to_owned(), name: "Ann".to_owned() }],
            retracted_at: None,
            redaction: None,
            created_at: now,
            rev: 1,
        }
    }

    #[test]
    fn the_history_holds_no_text_and_says_which_it_was() {
        let mut comment = sample();
        let kept = comment.without_texts();
        let written = bson::serialize_to_document(&kept).unwrap().to_string();
        assert!(!written.contains("mother") && written.contains(&comment.texts[0].digest), "{written}");
        let salt = comment.texts[0].salt.clone().unwrap();
        let salt: [u8; 32] = data_encoding::HEXLOWER.decode(salt.as_bytes()).unwrap().try_into().unwrap();
        assert_eq!(blake3::keyed_hash(&salt, b"Look at the mother.").to_hex().as_str(), comment.texts[0].digest);
        comment.redaction = Some(Redaction {
            asked_by: Actor { user: None, name: "Ann".to_owned() },
            asked_at: comment.created_at,
            reason: "wrong patient".to_owned(),
            agreed_by: None,
            agreed_at: None,
        });
        assert!(comment.stands(), "until somebody else agrees");
        comment.redact(Actor { user: None, name: "Ben".to_owned() }, comment.created_at);
        assert!(!comment.stands() && comment.text().is_none());
        assert_eq!(comment.texts, comment.without_texts().texts, "what it was is nowhere");
    }

    #[test]
    fn queries_name_fields_that_are_stored() {
        let mut comment = sample();
        comment.variant = Some(CommentedVariant {
            id: "i".repeat(26).parse().unwrap(),
            list: ListKind::Clinical,
            keys: vec![serde_json::from_str("\"37:snv:1:1:A:C\"").unwrap()],
            label: "1_1_A_C".to_owned(),
        });
        comment.redaction = Some(Redaction {
            asked_by: Actor { user: None, name: "Ann".to_owned() },
            asked_at: comment.created_at,
            reason: "wrong patient".to_owned(),
            agreed_by: None,
            agreed_at: None,
        });
        let stored = bson::serialize_to_document(&comment).unwrap();
        for name in [
            field::CASE_ID,
            field::OWNER,
            field::INSTITUTE,
            field::REACH,
            field::CREATED_AT,
            field::MENTIONED,
            field::VARIANT_ID,
            field::VARIANT_LIST,
            field::VARIANT_KEYS,
            field::REDACTION_ASKED_AT,
            field::REV,
        ] {
            let (outer, inner) = name.split_once('.').unwrap_or((name, ""));
            let value = stored.get(outer).unwrap_or_else(|| panic!("{name}"));
            let value = value.as_array().map_or(value, |list| &list[0]);
            assert!(inner.is_empty() || value.as_document().unwrap().contains_key(inner), "{name}");
        }
    }
}

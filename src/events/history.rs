//! Reading the history of one fact: any earlier state, what changed between two, and whether the record is whole.

use bson::{Bson, Document};
use jiff::Timestamp;

use super::model::Event;

/// All changes of one subject, oldest first. Each begins where the one before ended, so the last one ends at the present.
#[derive(Debug, Clone, PartialEq)]
pub struct History(Vec<Event>);

/// The changes of a subject do not follow one another: one is missing, or was altered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the history of {subject} is broken at revision {rev}: {what}")]
pub struct BrokenHistory {
    /// The subject.
    pub subject: String,
    /// The first revision that does not follow.
    pub rev: i64,
    /// How.
    pub what: &'static str,
}

/// One field that differs between two states.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Where, e.g. `settings.frequency_cutoff`; empty when the whole differs.
    pub path: String,
    /// In the first state; none where it is not there.
    pub one: Option<Bson>,
    /// In the second.
    pub other: Option<Bson>,
}

/// A state without what an earlier version did not write: fields with nothing in them, and those that follow from others.
fn as_compared(state: &Bson) -> Bson {
    const FOLLOWS: [&str; 2] = ["awaits", "validates"];
    match state {
        Bson::Document(fields) => {
            let told = fields.iter().filter(|(name, _)| !FOLLOWS.contains(&name.as_str()));
            let told = told.map(|(name, value)| (name.clone(), as_compared(value)));
            let is_nothing = |value: &Bson| match value {
                Bson::Null => true,
                Bson::Array(all) => all.is_empty(),
                Bson::Document(all) => all.is_empty(),
                Bson::String(word) => word == "none", // the settings' word for nothing
                _ => false,
            };
            Bson::Document(told.filter(|(_, value)| !is_nothing(value)).collect())
        }
        Bson::Array(all) => Bson::Array(all.iter().map(as_compared).collect()),
        other => other.clone(),
    }
}

impl History {
    /// Puts the changes of one subject in order and checks that they follow one another.
    pub fn new(mut events: Vec<Event>) -> Result<Self, BrokenHistory> {
        events.sort_by_key(|event| event.rev);
        for pair in events.windows(2) {
            let (last, next) = (&pair[0], &pair[1]);
            let broken = |what| BrokenHistory { subject: next.subject.clone(), rev: next.rev, what };
            if last.subject != next.subject {
                return Err(broken("it belongs to another subject"));
            }
            if next.rev != last.rev + 1 {
                return Err(broken("a change before it is missing"));
            }
            if as_compared(&next.before) != as_compared(&last.after) {
                return Err(broken("it does not begin where the change before it ended"));
            }
        }
        Ok(Self(events))
    }

    /// The changes, oldest first.
    #[must_use]
    pub fn changes(&self) -> &[Event] {
        &self.0
    }

    /// What was after revision `rev`; none when there is no such revision on record.
    ///
    /// The state before the first change on record is reachable too, by the revision before it.
    #[must_use]
    pub fn at_revision(&self, rev: i64) -> Option<&Bson> {
        match self.0.iter().find(|event| event.rev == rev) {
            Some(event) => Some(&event.after),
            None => self.0.first().filter(|first| first.rev == rev + 1).map(|first| &first.before),
        }
    }

    /// What was at a moment; null when nothing was yet.
    #[must_use]
    pub fn at_time(&self, moment: Timestamp) -> &Bson {
        match self.0.iter().rev().find(|event| event.at <= moment) {
            Some(event) => &event.after,
            None => self.0.first().map_or(&Bson::Null, |first| &first.before),
        }
    }

    /// What is now; null when there is nothing.
    #[must_use]
    pub fn present(&self) -> &Bson {
        self.0.last().map_or(&Bson::Null, |last| &last.after)
    }
}

/// The fields in which two states differ, by path. Lists are compared as wholes: their order is part of what they say.
#[must_use]
pub fn compare(one: &Bson, other: &Bson) -> Vec<Difference> {
    let mut found = Vec::new();
    differences("", Some(one), Some(other), &mut found);
    found
}

fn differences(path: &str, one: Option<&Bson>, other: Option<&Bson>, found: &mut Vec<Difference>) {
    if one == other {
        return;
    }
    let (Some(Bson::Document(left)), Some(Bson::Document(right))) = (one, other) else {
        found.push(Difference { path: path.to_owned(), one: one.cloned(), other: other.cloned() });
        return;
    };
    let inner = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for name in names(left, right) {
        differences(&inner(name), left.get(name), right.get(name), found);
    }
}

/// Names of both, those of the first in its order.
fn names<'a>(one: &'a Document, other: &'a Document) -> impl Iterator<Item = &'a str> {
    let added = other.keys().filter(|name| !one.contains_key(name.as_str()));
    one.keys().chain(added).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use bson::doc;
    use proptest::prelude::*;

    use super::*;
    use crate::events::{Actor, EventKind};

    fn event(rev: i64, before: Bson, after: Bson) -> Event {
        Event {
            id: rev.to_string(),
            subject: "variant/v".into(),
            rev,
            kind: EventKind::VariantDecided,
            institute: Some("own".parse().unwrap()),
            case_id: None,
            together: None,
            before,
            after,
            actor: Actor { user: None, name: "Ann".into() },
            at: Timestamp::from_second(rev * 60).unwrap(),
        }
    }

    fn of_states(states: &[Bson]) -> Vec<Event> {
        let mut before = Bson::Null;
        let mut events = Vec::new();
        for (rev, after) in (1..).zip(states) {
            events.push(event(rev, std::mem::replace(&mut before, after.clone()), after.clone()));
        }
        events
    }

    /// What an earlier version wrote goes on: fields that it did not know are as absent, and what follows from others is not
    /// compared.
    #[test]
    fn the_history_of_an_earlier_version_goes_on() {
        let old = doc! { "pinned": true, "awaits": true, "settings": { "share_with": [] } };
        let new = doc! {
            "pinned": true, "awaits": "own", "mosaic": [], "tiers": {},
            "settings": { "share_with": [], "second_reader": "none", "dismissals": {} },
        };
        let events = |before: bson::Document| {
            vec![event(1, Bson::Null, old.clone().into()), event(2, before.into(), doc! { "pinned": false }.into())]
        };
        assert!(History::new(events(new.clone())).is_ok());
        for (field, value) in [
            ("mosaic", bson::bson!([1])),
            ("tiers", bson::bson!({ "amp": "1A" })),
            ("pinned", false.into()),
            ("partial", bson::bson!({ "a": 1 })),
        ] {
            let mut other = new.clone();
            other.insert(field, value);
            assert!(History::new(events(other)).is_err(), "{field}");
        }
    }

    fn state() -> impl Strategy<Value = Bson> {
        let field = prop_oneof![
            any::<bool>().prop_map(Bson::from),
            (0..4_i32).prop_map(Bson::from),
            prop::collection::vec(0..3_i32, 0..3).prop_map(Bson::from),
            Just(Bson::Null),
        ];
        let fields = prop::collection::btree_map("[abc]", field, 0..3);
        let nested = (fields.clone(), fields).prop_map(|(outer, inner)| {
            let mut document: Document = outer.into_iter().collect();
            document.insert("inner", inner.into_iter().collect::<Document>());
            Bson::Document(document)
        });
        prop_oneof![4 => nested, 1 => Just(Bson::Null)]
    }

    /// Applies differences to a state: what `compare` says is all there is to say.
    fn apply(state: &Bson, differences: &[Difference]) -> Bson {
        let mut state = state.clone();
        for difference in differences {
            if difference.path.is_empty() {
                state = difference.other.clone().unwrap();
                continue;
            }
            let (parents, name) = difference.path.rsplit_once('.').unwrap_or(("", &difference.path));
            let mut at = state.as_document_mut().unwrap();
            for parent in parents.split('.').filter(|parent| !parent.is_empty()) {
                at = at.get_document_mut(parent).unwrap();
            }
            match &difference.other {
                Some(value) => drop(at.insert(name, value.clone())),
                None => drop(at.remove(name)),
            }
        }
        state
    }

    /// The order of fields says nothing.
    fn sorted(state: &Bson) -> Bson {
        match state {
            Bson::Document(document) => {
                let mut fields: Vec<_> = document.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
                fields.sort_by(|a, b| a.0.cmp(&b.0));
                Bson::Document(fields.into_iter().collect())
            }
            other => other.clone(),
        }
    }

    proptest! {
        /// Replay equals the present, and every earlier state is found by revision and by time.
        #[test]
        fn the_fold_law_holds(states in prop::collection::vec(state(), 1..8), shuffle in any::<u64>()) {
            let mut events = of_states(&states);
            let turn = usize::try_from(shuffle % 8).unwrap() % events.len();
            events.rotate_left(turn);
            let history = History::new(events).unwrap();
            prop_assert_eq!(history.present(), states.last().unwrap());
            for (rev, state) in (1_i64..).zip(&states) {
                prop_assert_eq!(history.at_revision(rev), Some(state));
                prop_assert_eq!(history.at_time(Timestamp::from_second(rev * 60 + 59).unwrap()), state);
            }
            prop_assert_eq!(history.at_revision(0), Some(&Bson::Null));
            prop_assert_eq!(history.at_time(Timestamp::UNIX_EPOCH), &Bson::Null);
            prop_assert_eq!(history.at_revision(99), None);
        }

        #[test]
        fn a_missing_or_altered_change_is_noticed(
            states in prop::collection::vec(state(), 3..8), at in 1..6_usize, other in state(),
        ) {
            let events = of_states(&states);
            let at = at.min(events.len() - 2);
            let mut without = events.clone();
            without.remove(at);
            prop_assert!(History::new(without).is_err());
            let mut altered = events;
            prop_assume!(as_compared(&altered[at].after) != as_compared(&other));
            altered[at].after = other;
            prop_assert!(History::new(altered).is_err());
        }

        #[test]
        fn what_differs_is_all_that_differs(one in state(), other in state()) {
            prop_assert_eq!(sorted(&apply(&one, &compare(&one, &other))), sorted(&other));
            prop_assert!(compare(&one, &one).is_empty());
        }
    }

    #[test]
    fn a_difference_names_its_path() {
        let one = doc! { "name": "A", "settings": { "cutoff": 0.01, "links": ["a"] } };
        let other = doc! { "name": "A", "settings": { "cutoff": 0.02, "links": ["a"], "more": true } };
        let found = compare(&one.into(), &other.into());
        let paths: Vec<&str> = found.iter().map(|difference| difference.path.as_str()).collect();
        assert_eq!(paths, ["settings.cutoff", "settings.more"]);
        assert_eq!(found[1].one, None);
    }
}

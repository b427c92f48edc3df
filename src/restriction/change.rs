//! Naming those who alone read a case: one transaction with its row in the history and the end of shares.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::app::AppState;
use crate::cases::{Case, CaseEditor, Restriction};
use crate::cli::SystemScope;
use crate::db::{StoreError, unless_conflict};
use crate::events::{Actor, Change, EventKind, fact, restriction_subject};
use crate::ids::UserId;
use crate::sharing;
use crate::users::Colleague;

/// Tries when others change the case at the same time.
const TRIES: usize = 8;

/// Why a share ends when the case is restricted.
const ENDED: &str = "the case was restricted to named people";

/// Who is to read the case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// These people of its institute, for a reason.
    Named {
        /// Who.
        people: BTreeSet<UserId>,
        /// Why.
        reason: String,
    },
    /// Everybody who reads cases of its institute.
    Everybody,
}

/// By whose right it is changed.
#[derive(Clone, Copy)]
pub enum By<'a> {
    /// Of somebody who reads the case.
    Editor(&'a CaseEditor),
    /// Of whoever runs commands on the machine: the way out when all who were named have left.
    Machine(&'a SystemScope, &'a Actor),
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Became {
    /// It stands so now, or stood so before.
    Done,
    /// It cannot be so, in words.
    Refused(String),
    /// Somebody else changed it since it was shown: how it stands, at which revision.
    Stale(Option<Restriction>, i64),
}

impl By<'_> {
    fn actor(&self) -> Actor {
        match self {
            Self::Editor(editor) => Actor::of(editor.access().principal()),
            Self::Machine(_, actor) => (*actor).clone(),
        }
    }

    async fn again(&self, app: &AppState, case: &Case) -> Result<Case, StoreError> {
        match self {
            Self::Editor(editor) => app.cases.again(editor, app.clock.now()).await,
            Self::Machine(scope, _) => app.cases.by_id(scope, &case.id).await?.ok_or(StoreError::Conflict("the case")),
        }
    }
}

impl Wanted {
    fn after(&self, by: &Actor, at: Timestamp) -> Option<Restriction> {
        match self {
            Self::Named { people, reason } => {
                Some(Restriction { people: people.clone(), reason: reason.clone(), by: by.clone(), at })
            }
            Self::Everybody => None,
        }
    }

    /// Whether that is how it stands already.
    fn is_of(&self, known: Option<&Restriction>) -> bool {
        match (self, known) {
            (Self::Named { people, reason }, Some(known)) => (people, reason) == (&known.people, &known.reason),
            (Self::Everybody, None) => true,
            _ => false,
        }
    }

    /// What stands in its way: a case that nobody reads, people who do not read cases of the institute, whoever works on the
    /// case and would not find it any more, and whoever closes it to themselves.
    fn is_refused(&self, by: &Actor, case: &Case, readers: &[Colleague]) -> Option<String> {
        let Self::Named { people, .. } = self else { return None };
        if people.is_empty() {
            return Some("name at least one person".to_owned());
        }
        let strangers = people.iter().filter(|user| !readers.iter().any(|reader| reader.id == **user)).count();
        if strangers > 0 {
            return Some("name only people who read cases of the institute".to_owned());
        }
        if by.user.as_ref().is_some_and(|user| !people.contains(user)) {
            return Some("name yourself too: who is not named cannot open the case, and not undo this".to_owned());
        }
        let left: Vec<&str> = case
            .assignees
            .iter()
            .filter(|user| readers.iter().any(|reader| reader.id == **user) && !people.contains(*user))
            .map(|user| Colleague::name_of(user, readers))
            .collect();
        (!left.is_empty()).then(|| format!("name {} too, or take them off the case first", left.join(" and ")))
    }
}

/// Lets some people of the institute read a case, or all of them. `known`: the revision that was shown, for who was shown one.
pub async fn restrict(
    app: &AppState,
    by: By<'_>,
    case: &Case,
    wanted: &Wanted,
    known: Option<i64>,
) -> Result<Became, StoreError> {
    let mut case = case.clone();
    let readers = app.users.readers(&case.institute).await?;
    for _ in 0..TRIES {
        if wanted.is_of(case.restriction.as_ref()) {
            return Ok(Became::Done);
        }
        if known.is_some_and(|known| known != case.restriction_rev) {
            return Ok(Became::Stale(case.restriction, case.restriction_rev));
        }
        if let Some(why) = wanted.is_refused(&by.actor(), &case, &readers) {
            return Ok(Became::Refused(why));
        }
        if store(app, by, &case, wanted).await? {
            return Ok(Became::Done);
        }
        case = by.again(app, &case).await?;
    }
    Err(StoreError::Conflict("the case"))
}

/// The same for a case that is about to be loaded for the first time, with what its history keeps of it.
///
/// # Errors
/// Why it cannot be so, in words.
pub(crate) fn first(
    case: &mut Case,
    wanted: &Wanted,
    readers: &[Colleague],
    (by, at): (&Actor, Timestamp),
) -> Result<Change, String> {
    if let Some(why) = wanted.is_refused(by, case, readers) {
        return Err(why);
    }
    let before = case.clone();
    case.restriction = wanted.after(by, at);
    case.restriction_rev += 1;
    changed(&before, case).map_err(|error| error.to_string())
}

/// The row of the history.
fn changed(before: &Case, after: &Case) -> Result<Change, StoreError> {
    Ok(Change {
        subject: restriction_subject(&after.id),
        rev: after.restriction_rev,
        kind: EventKind::ReadersNamed,
        institute: Some(after.institute.clone()),
        case_id: Some(after.id.clone()),
        before: fact(&before.restriction)?,
        after: fact(&after.restriction)?,
    })
}

/// Writes it; `false` when the case is another one by now.
async fn store(app: &AppState, by: By<'_>, read: &Case, wanted: &Wanted) -> Result<bool, StoreError> {
    let (actor, now) = (by.actor(), app.clock.now());
    let mut after = read.clone();
    after.restriction = wanted.after(&actor, now);
    after.restriction_rev += 1;
    let mut changes = vec![changed(read, &after)?];
    if after.restriction.is_some() {
        changes.extend(sharing::end_all(&mut after, &actor, now, ENDED)?);
    }
    app.events.prepare().await?;
    let mut transaction = app.db.begin().await?;
    loop {
        let work = async {
            app.cases.set_restriction(&mut transaction.session, by, read, &after).await?;
            for change in &changes {
                app.events.append(&mut transaction.session, change, &actor, now).await?;
            }
            Ok(())
        }
        .await;
        if let Some(written) = transaction.end(work).await {
            return unless_conflict(written);
        }
    }
}

/// Who reads the case and why, each with its name.
pub(crate) fn in_words(restriction: &Restriction, people: &[Colleague]) -> Vec<(String, String)> {
    vec![
        ("read by".to_owned(), names(restriction, people).join(", ")),
        ("reason".to_owned(), restriction.reason.clone()),
    ]
}

/// The names of those who read the case, in alphabetical order; whoever left the institute does not read it.
pub(super) fn names(restriction: &Restriction, people: &[Colleague]) -> Vec<String> {
    let mut names: Vec<String> =
        people.iter().filter(|one| restriction.names(&one.id)).map(|one| one.name.clone()).collect();
    names.sort();
    let left = restriction.people.len() - names.len();
    match left {
        0 => {}
        1 => names.push("somebody who left".to_owned()),
        _ => names.push(format!("{left} people who left")),
    }
    names
}

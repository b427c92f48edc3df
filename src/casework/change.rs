//! Changing the work on a case: one transaction with its row in the history.

use jiff::Timestamp;
use mongodb::ClientSession;

use crate::app::AppState;
use crate::cases::{Case, CaseEditor, CaseStore, CaseWork, Status, Tag};
use crate::db::{StoreError, unless_conflict};
use crate::events::{Actor, Change, EventKind, work_subject};
use crate::ids::{CaseLabel, UserId};
use crate::institutes::SecondReader;
use crate::users::Colleague;
use crate::variants::VariantState;

/// What somebody wants of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// That the work stands here.
    Status(Status),
    /// That this person works on it.
    Assigned(UserId),
    /// That they do not.
    Unassigned {
        /// Who.
        user: UserId,
        /// Whether the case is not being read any more when they were the last.
        rest: bool,
    },
    /// That it is marked so, or not.
    Tag(Tag, bool),
    /// What it is about.
    Synopsis(Option<String>),
    /// That it belongs to this cohort, or not.
    Cohort(CaseLabel, bool),
    /// That it belongs to this group of cases, or not.
    Group(CaseLabel, bool),
}

/// What became of it.
pub(super) enum Became {
    /// It is so now, or was so before.
    Done,
    /// A rule of the institute stands in the way, in words.
    Refused(&'static str),
    /// Somebody else replaced the value since it was shown.
    Stale {
        /// As it stands.
        now: Option<String>,
        /// As it would.
        wanted: Option<String>,
        /// The revision that stands.
        rev: i64,
    },
}

/// Tries when others change the case at the same time.
const TRIES: usize = 8;

impl Wanted {
    fn apply(&self, work: &mut CaseWork, by: &UserId) {
        match self {
            Self::Status(status) => {
                // Who takes an archived case up again works on it.
                if work.status == Status::Archived && *status == Status::Active {
                    Self::Assigned(by.clone()).apply(work, by);
                }
                work.status = *status;
            }
            Self::Assigned(user) if work.assignees.contains(user) => {}
            Self::Assigned(user) => work.assignees.push(user.clone()),
            Self::Unassigned { user, rest } => {
                work.assignees.retain(|one| one != user);
                if *rest && work.assignees.is_empty() && work.status == Status::Active {
                    work.status = Status::Inactive;
                }
            }
            Self::Tag(tag, on) => {
                work.tags.retain(|one| one != tag);
                work.tags.extend(on.then_some(*tag));
                work.tags.sort_unstable();
            }
            Self::Synopsis(text) => work.synopsis.clone_from(text),
            Self::Cohort(label, on) => set(&mut work.cohorts, label, *on),
            Self::Group(label, on) => set(&mut work.groups, label, *on),
        }
    }

    fn kind(&self) -> EventKind {
        match self {
            Self::Status(_) => EventKind::StatusSet,
            Self::Assigned(_) | Self::Unassigned { .. } => EventKind::PeopleAssigned,
            Self::Tag(..) => EventKind::TagsSet,
            Self::Synopsis(_) => EventKind::SynopsisWritten,
            Self::Cohort(..) => EventKind::CohortsSet,
            Self::Group(..) => EventKind::GroupsSet,
        }
    }

    /// The value of a case that it takes the place of, in words; none for what is added and taken away one by one.
    pub(super) fn value(&self, work: &CaseWork) -> Option<String> {
        match self {
            Self::Status(_) => Some(work.status.as_str().to_owned()),
            Self::Synopsis(_) => Some(work.synopsis.clone().unwrap_or_default()),
            Self::Assigned(_) | Self::Unassigned { .. } | Self::Tag(..) | Self::Cohort(..) | Self::Group(..) => None,
        }
    }
}

/// Adds a label to others, or takes it away.
fn set(labels: &mut Vec<String>, label: &CaseLabel, on: bool) {
    labels.retain(|one| one != label.as_str());
    labels.extend(on.then(|| label.to_string()));
    labels.sort_unstable();
}

/// The facts in words, each with its name; what is not set is left out.
pub(crate) fn in_words(work: &CaseWork, people: &[Colleague]) -> Vec<(&'static str, String)> {
    let tags: Vec<&str> = work.tags.iter().map(|tag| tag.words()).collect();
    let names: Vec<&str> = work.assignees.iter().map(|user| Colleague::name_of(user, people)).collect();
    let all = [
        ("status", work.status.as_str().to_owned()),
        ("assigned to", names.join(", ")),
        ("tags", tags.join(", ")),
        ("cohorts", work.cohorts.join(", ")),
        ("groups", work.groups.join(", ")),
        ("synopsis", work.synopsis.clone().unwrap_or_default()),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// Changes the case. `known`: the revision that was shown, where a value is replaced.
pub(super) async fn change(
    app: &AppState,
    editor: &CaseEditor,
    wanted: &Wanted,
    known: Option<i64>,
) -> Result<Became, StoreError> {
    let by = editor.access().principal().user();
    let mut case = editor.access().case().clone();
    for _ in 0..TRIES {
        let before = CaseWork::of(&case);
        let mut after = before.clone();
        wanted.apply(&mut after, by);
        if after == before {
            return Ok(Became::Done);
        }
        if let Some(known) = known.filter(|known| *known != case.work_rev)
            && at_revision(app, editor, known).await?.is_none_or(|shown| wanted.value(&shown) != wanted.value(&before))
        {
            return Ok(Became::Stale { now: wanted.value(&before), wanted: wanted.value(&after), rev: case.work_rev });
        }
        if let Some(why) = stands_in_the_way(app, editor, &case, &after, &before).await? {
            return Ok(Became::Refused(why));
        }
        if store(app, editor, &Moved::new(&case, wanted.kind(), after)?).await? {
            return Ok(Became::Done);
        }
        case = app.cases.again(editor, app.clock.now()).await?;
    }
    Err(StoreError::Conflict("the case"))
}

/// What keeps somebody from working on a case: that they do not read it. What keeps a case from being called solved: a cause
/// that another person has to confirm first.
async fn stands_in_the_way(
    app: &AppState,
    editor: &CaseEditor,
    case: &Case,
    after: &CaseWork,
    before: &CaseWork,
) -> Result<Option<&'static str>, StoreError> {
    let mut joined = after.assignees.iter().filter(|user| !before.assignees.contains(user));
    if joined.any(|user| !case.is_for(user)) {
        return Ok(Some("The case is restricted to named people: name them first, then hand it to them."));
    }
    if after.status != Status::Solved || before.status == Status::Solved {
        return Ok(None);
    }
    let (institute, states) =
        tokio::try_join!(app.institutes.find(&editor.access().case().institute), app.states.present(editor))?;
    let asked = institute.is_some_and(|institute| institute.settings.second_reader != SecondReader::None)
        || states.values().any(|state| state.standing().is_some());
    Ok((asked && !states.values().any(VariantState::is_cause)).then_some(
        "Your institute has causes confirmed by a second reader: a case becomes solved when one is confirmed.",
    ))
}

/// How the work stood at a revision; none when there is no such one on record.
async fn at_revision(app: &AppState, editor: &CaseEditor, rev: i64) -> Result<Option<CaseWork>, StoreError> {
    let history = app.events.of_work(editor).await?;
    let Some(state) = history.at_revision(rev) else { return Ok(None) };
    bson::deserialize_from_bson(state.clone()).map(Some).map_err(|error| StoreError::Unreadable {
        collection: "events",
        id: work_subject(&editor.access().case().id),
        reason: error.to_string(),
    })
}

/// What a decision about a variant makes of the case as it was read: one that nobody had begun is being read; one whose cause
/// is found, and confirmed where the institute asks for that, is solved, until the last such variant is not any more. Pages
/// that are opened change nothing.
pub(crate) async fn follow(
    app: &AppState,
    editor: &CaseEditor,
    case: &Case,
    before: &VariantState,
    after: &VariantState,
) -> Result<Option<Moved>, StoreError> {
    let wanted = if after.is_cause() && !before.is_cause() {
        Status::Solved
    } else if before.is_cause() && !after.is_cause() && case.status == Status::Solved {
        let states = app.states.present(editor).await?;
        if states.values().any(|state| state.is_cause() && state.id != after.id) {
            return Ok(None);
        }
        Status::Active
    } else if case.status == Status::Inactive {
        Status::Active
    } else {
        return Ok(None);
    };
    let work = CaseWork { status: wanted, ..CaseWork::of(case) };
    if work == CaseWork::of(case) { Ok(None) } else { Moved::new(case, EventKind::StatusSet, work).map(Some) }
}

/// A change of the work on a case, about to be written on what was read.
pub struct Moved {
    read: Case,
    after: CaseWork,
    change: Change,
}

impl Moved {
    fn new(case: &Case, kind: EventKind, after: CaseWork) -> Result<Self, StoreError> {
        let change = after.change(case, kind)?;
        Ok(Self { read: case.clone(), after, change })
    }

    /// What the history keeps of it.
    pub(crate) fn change(&self) -> &Change {
        &self.change
    }

    /// Writes it, or tells that the case is another one by now; with [`Self::change`] in the same transaction. `decided`:
    /// whether it comes with a decision about variants.
    pub(crate) async fn write(
        &self,
        session: &mut ClientSession,
        editor: &CaseEditor,
        cases: &CaseStore,
        decided: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        cases.set_work(session, editor, &self.read, &self.after, decided, now).await
    }
}

/// Writes it in a transaction of its own; `false` when the case is another one by now.
async fn store(app: &AppState, editor: &CaseEditor, moved: &Moved) -> Result<bool, StoreError> {
    app.events.prepare().await?;
    let (by, now) = (Actor::of(editor.access().principal()), app.clock.now());
    let mut transaction = app.db.begin().await?;
    loop {
        let work = async {
            let session = &mut transaction.session;
            moved.write(session, editor, &app.cases, false, now).await?;
            app.events.append(session, moved.change(), &by, now).await
        }
        .await;
        if let Some(written) = transaction.end(work).await {
            return unless_conflict(written);
        }
    }
}

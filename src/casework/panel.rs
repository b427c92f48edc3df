use super::forms::LONGEST;
use crate::cases::{CaseAccess, Labels, Status, Tag};
use crate::users::Colleague;
use crate::web::urls;

/// How far the work on a case is, and the forms to change it.
pub(crate) struct WorkPanel {
    pub status: &'static str,
    pub people: Vec<Person>,
    pub tags: Vec<Choice>,
    pub cohorts: Vec<String>,
    /// With the other cases of each: name and address.
    pub groups: Vec<(String, Vec<(String, String)>)>,
    pub synopsis: String,
    pub rev: i64,
    pub longest: usize,
    /// None: the reader changes nothing.
    pub forms: Option<WorkForms>,
}

/// Somebody who works on the case.
pub(crate) struct Person {
    pub id: String,
    pub name: String,
    pub is_me: bool,
}

/// Something that can be chosen.
pub(crate) struct Choice {
    pub value: String,
    pub words: String,
}

/// Where each change is sent, and what there is to choose.
pub(crate) struct WorkForms {
    pub status_url: String,
    pub statuses: Vec<&'static str>,
    pub assignees_url: String,
    /// Who can be assigned.
    pub colleagues: Vec<Choice>,
    /// The reader, while they are not assigned.
    pub me: Option<String>,
    /// Whether the case rests when the last one leaves it.
    pub may_rest: bool,
    pub tags_url: String,
    pub more_tags: Vec<Choice>,
    pub cohorts_url: String,
    /// Cohorts in use that the case is not in.
    pub more_cohorts: Vec<String>,
    pub groups_url: String,
    pub more_groups: Vec<String>,
    pub synopsis_url: String,
}

fn tag_choice(tag: Tag) -> Choice {
    Choice { value: tag.as_str().to_owned(), words: tag.words().to_owned() }
}

/// Name and address of the other cases of a group.
fn others(labels: &Labels, group: &str) -> Vec<(String, String)> {
    let others = labels.together.get(group).into_iter().flatten();
    others.map(|case| (case.name.to_string(), urls::case_named(&case.institute, &case.name))).collect()
}

impl WorkPanel {
    /// Whether somebody works on it now.
    pub(crate) fn is_being_read(&self) -> bool {
        self.status == Status::Active.as_str() && !self.people.is_empty()
    }

    /// Of a case; `colleagues` are those who read it as one of their institute's.
    pub(crate) fn new(access: &CaseAccess, colleagues: &[Colleague], labels: &Labels) -> Self {
        let case = access.case();
        let me = access.principal().user();
        let free = colleagues.iter().filter(|one| !case.assignees.contains(&one.id));
        let to = |what: &str| urls::case_work(case, what);
        Self {
            status: case.status.as_str(),
            people: case
                .assignees
                .iter()
                .map(|user| Person {
                    id: user.to_string(),
                    name: Colleague::name_of(user, colleagues).to_owned(),
                    is_me: user == me,
                })
                .collect(),
            tags: case.tags.iter().copied().map(tag_choice).collect(),
            cohorts: case.cohorts.clone(),
            groups: case.groups.iter().map(|group| (group.clone(), others(labels, group))).collect(),
            synopsis: case.synopsis.clone().unwrap_or_default(),
            rev: case.work_rev,
            longest: LONGEST,
            forms: access.may_edit().then(|| WorkForms {
                status_url: to("status"),
                statuses: Status::ALL.into_iter().map(Status::as_str).collect(),
                assignees_url: to("assignees"),
                colleagues: free
                    .clone()
                    .filter(|one| one.id != *me)
                    .map(|one| Choice { value: one.id.to_string(), words: one.name.clone() })
                    .collect(),
                me: free.clone().find(|one| one.id == *me).map(|one| one.id.to_string()),
                may_rest: case.status == Status::Active && case.assignees.len() == 1,
                tags_url: to("tags"),
                more_tags: Tag::ALL.into_iter().filter(|tag| !case.tags.contains(tag)).map(tag_choice).collect(),
                cohorts_url: to("cohorts"),
                more_cohorts: labels.cohorts.iter().filter(|one| !case.cohorts.contains(one)).cloned().collect(),
                groups_url: to("groups"),
                more_groups: labels.groups.iter().filter(|one| !case.groups.contains(one)).cloned().collect(),
                synopsis_url: to("synopsis"),
            }),
        }
    }
}

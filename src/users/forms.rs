//! Forms about people: submitted text becomes typed values, or comes back with an error beside its field.

use std::collections::BTreeMap;

use super::model::{Email, Role, RoleGrant};
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::{InstituteId, has_one_spelling};

/// Most characters of a name.
const NAME: usize = 100;
/// Most roles that a form takes.
const ROWS: usize = 60;

/// One role as two choices. Both empty: no role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// An institute, or `system`.
    pub place: String,
    /// The role there.
    pub role: String,
}

/// The fields of a form of ours, each taken once; what is left over was not sent by it.
struct Fields(BTreeMap<String, String>);

fn foreign(name: &str) -> AppError {
    AppError::BadRequest(format!("The form's content does not fit: field `{name}`."))
}

impl Fields {
    /// `several`: names that may be repeated, handed to `take` in their order.
    fn read(
        pairs: Vec<(String, String)>,
        several: &[&str],
        mut take: impl FnMut(&str, String) -> AppResult<()>,
    ) -> AppResult<Self> {
        let mut once = BTreeMap::new();
        for (name, value) in pairs {
            if several.contains(&name.as_str()) {
                take(&name, value)?;
            } else if once.insert(name.clone(), value).is_some() {
                return Err(foreign(&name));
            }
        }
        Ok(Self(once))
    }

    fn text(&mut self, name: &str) -> AppResult<String> {
        self.0.remove(name).ok_or_else(|| foreign(name))
    }

    fn number(&mut self, name: &str) -> AppResult<i64> {
        self.text(name)?.parse().map_err(|_| foreign(name))
    }

    fn end(self) -> AppResult<()> {
        self.0.keys().next().map_or(Ok(()), |name| Err(foreign(name)))
    }
}

/// Rows of roles: each place is followed by its role.
fn read_rows(pairs: Vec<(String, String)>) -> AppResult<(Fields, Vec<Row>)> {
    let mut rows: Vec<Row> = Vec::new();
    let mut open = false;
    let fields = Fields::read(pairs, &["place", "role"], |name, value| {
        match (name, open) {
            ("place", false) if rows.len() < ROWS => rows.push(Row { place: value, role: String::new() }),
            ("role", true) => rows.last_mut().ok_or_else(|| foreign(name))?.role = value,
            _ => return Err(foreign(name)),
        }
        open = !open;
        Ok(())
    })?;
    if open { Err(foreign("role")) } else { Ok((fields, rows)) }
}

/// Name of a row's field in errors.
pub(super) fn row_field(number: usize) -> String {
    format!("role-{number}")
}

/// The roles that rows name, each in an institute that exists.
fn parse_rows(rows: &[Row], known: &[InstituteId]) -> Result<Vec<RoleGrant>, Vec<FieldError>> {
    let (mut grants, mut wrong) = (Vec::new(), Vec::new());
    for (number, row) in rows.iter().enumerate() {
        let text = format!("{}:{}", row.place, row.role);
        let message = match (row.place.as_str(), row.role.as_str(), text.parse::<RoleGrant>()) {
            ("", "", _) => continue,
            ("", ..) => "choose where this role is held, or no role",
            (_, "", _) => "choose the role, or no place",
            ("system", _, Err(_)) => "the whole system has admins and auditors only",
            (_, _, Err(_)) => "choose a place and a role from the lists",
            (_, _, Ok(RoleGrant::Member(held))) if !known.contains(&held.institute) => "there is no such institute",
            (_, _, Ok(grant)) => {
                grants.push(grant);
                continue;
            }
        };
        wrong.push(FieldError::new(&row_field(number), &text, message));
    }
    if wrong.is_empty() { Ok(grants) } else { Err(wrong) }
}

/// An address, in whatever case it was typed.
fn read_email(text: &str) -> Result<Email, FieldError> {
    let plain = text.trim().to_lowercase();
    plain.parse().map_err(|_| FieldError::new("email", text, "write an e-mail address, as in name@clinic.example"))
}

/// A person's name, without spaces at its ends.
fn read_name(text: &str) -> Result<String, FieldError> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > NAME || !has_one_spelling(name) {
        return Err(FieldError::new("name", text, format!("write 1 to {NAME} characters on one line")));
    }
    Ok(name.to_owned())
}

fn role_named(word: &str) -> Option<Role> {
    Role::ALL.into_iter().find(|role| role.as_str() == word)
}

/// A new person, with roles anywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct NewPersonForm {
    pub email: String,
    pub name: String,
    pub rows: Vec<Row>,
}

/// What that form means, and a new person of the API.
#[derive(Debug)]
pub(crate) struct NewPerson {
    pub email: Email,
    pub name: String,
    pub grants: Vec<RoleGrant>,
}

impl NewPersonForm {
    /// Takes the fields of our own form.
    pub(super) fn read(pairs: Vec<(String, String)>) -> AppResult<Self> {
        let (mut fields, rows) = read_rows(pairs)?;
        let form = Self { email: fields.text("email")?, name: fields.text("name")?, rows };
        fields.end().map(|()| form)
    }

    /// The person, or what is wrong with each field.
    pub(super) fn parse(&self, known: &[InstituteId]) -> Result<NewPerson, Vec<FieldError>> {
        NewPerson::new(&self.email, &self.name, parse_rows(&self.rows, known), &row_field(0))
    }
}

impl NewPerson {
    /// From what a script of ours sends: roles in the command line's spelling.
    pub(crate) fn read(
        email: &str,
        name: &str,
        roles: &[String],
        known: &[InstituteId],
    ) -> Result<Self, Vec<FieldError>> {
        Self::new(email, name, read_grants("roles", roles, known), "roles")
    }

    /// `role_field`: where it is said that there is no role.
    fn new(
        email: &str,
        name: &str,
        grants: Result<Vec<RoleGrant>, Vec<FieldError>>,
        role_field: &str,
    ) -> Result<Self, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let email = read_email(email).map_err(|error| wrong.push(error));
        let name = read_name(name).map_err(|error| wrong.push(error));
        let grants = grants.map_err(|errors| wrong.extend(errors));
        if let Ok(grants) = &grants
            && grants.is_empty()
        {
            wrong.push(FieldError::new(role_field, "", "give at least one role; without one nobody can sign in"));
        }
        match (email, name, grants) {
            (Ok(email), Ok(name), Ok(grants)) if wrong.is_empty() => Ok(Self { email, name, grants }),
            _ => Err(wrong),
        }
    }
}

/// Roles in the command line's spelling, each in an institute that exists; errors name the place in `field`.
pub(crate) fn read_grants(
    field: &str,
    texts: &[String],
    known: &[InstituteId],
) -> Result<Vec<RoleGrant>, Vec<FieldError>> {
    let (mut grants, mut wrong) = (Vec::new(), Vec::new());
    if texts.len() > ROWS {
        return Err(vec![FieldError::new(field, "", format!("name at most {ROWS} roles"))]);
    }
    for (number, text) in texts.iter().enumerate() {
        let message = match text.parse::<RoleGrant>() {
            Ok(RoleGrant::Member(held)) if !known.contains(&held.institute) => "there is no such institute".to_owned(),
            Ok(grant) => {
                grants.push(grant);
                continue;
            }
            Err(error) => error.to_string(),
        };
        wrong.push(FieldError::new(&format!("{field}[{number}]"), text, message));
    }
    if wrong.is_empty() { Ok(grants) } else { Err(wrong) }
}

/// All roles of a person, in place of revision `rev`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RolesForm {
    pub rev: i64,
    pub rows: Vec<Row>,
}

impl RolesForm {
    /// Takes the fields of our own form.
    pub(super) fn read(pairs: Vec<(String, String)>) -> AppResult<Self> {
        let (mut fields, rows) = read_rows(pairs)?;
        let form = Self { rev: fields.number("rev")?, rows };
        fields.end().map(|()| form)
    }

    /// The form that shows what is stored.
    pub(super) fn of(rev: i64, grants: &[RoleGrant]) -> Self {
        Self { rev, rows: rows_of(grants) }
    }

    /// The roles, or what is wrong with each row.
    pub(super) fn parse(&self, known: &[InstituteId]) -> Result<Vec<RoleGrant>, Vec<FieldError>> {
        parse_rows(&self.rows, known)
    }
}

/// Roles as rows.
pub(super) fn rows_of(grants: &[RoleGrant]) -> Vec<Row> {
    let row = |grant: &RoleGrant| match grant {
        RoleGrant::Member(held) => Row { place: held.institute.to_string(), role: held.role.as_str().to_owned() },
        RoleGrant::System(role) => Row { place: "system".to_owned(), role: role.as_str().to_owned() },
    };
    grants.iter().map(row).collect()
}

/// A new member of one institute, as a form or the API gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMemberForm {
    pub email: String,
    /// As colleagues see it; somebody who has an account already keeps the name they have there.
    pub name: String,
    /// `clinician`, `geneticist`, `researcher`, `admin` or `auditor`.
    pub role: String,
}

impl NewMemberForm {
    /// Address, name and role, or what is wrong with each field.
    pub(crate) fn parse(&self) -> Result<(Email, String, Role), Vec<FieldError>> {
        let mut wrong = Vec::new();
        let email = read_email(&self.email).map_err(|error| wrong.push(error));
        let name = read_name(&self.name).map_err(|error| wrong.push(error));
        let role = role_named(&self.role);
        if role.is_none() {
            wrong.push(FieldError::new("role", &self.role, "choose a role from the list"));
        }
        match (email, name, role) {
            (Ok(email), Ok(name), Some(role)) => Ok((email, name, role)),
            _ => Err(wrong),
        }
    }
}

/// A member's roles in one institute, in place of those that were shown.
///
/// A revision would tell an institute that something changed in another one; the roles themselves do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MemberRolesForm {
    pub shown: Vec<Role>,
    pub roles: Vec<Role>,
}

impl MemberRolesForm {
    /// Takes the fields of our own form.
    pub(super) fn read(pairs: Vec<(String, String)>) -> AppResult<Self> {
        let (mut shown, mut roles) = (Vec::new(), Vec::new());
        let fields = Fields::read(pairs, &["shown", "role"], |name, value| {
            let role = role_named(&value).ok_or_else(|| foreign(name))?;
            let to = if name == "shown" { &mut shown } else { &mut roles };
            if to.contains(&role) {
                return Err(foreign(name));
            }
            to.push(role);
            Ok(())
        })?;
        fields.end().map(|()| Self { shown, roles })
    }
}

/// Roles of one institute by their words, each once; errors name the place in `field`.
pub(crate) fn read_roles(field: &str, texts: &[String]) -> Result<Vec<Role>, Vec<FieldError>> {
    let (mut roles, mut wrong) = (Vec::new(), Vec::new());
    for (number, text) in texts.iter().enumerate() {
        let message = match role_named(text) {
            Some(role) if roles.contains(&role) => "is there twice",
            Some(role) => {
                roles.push(role);
                continue;
            }
            None => "is no role; there are clinician, geneticist, researcher, admin and auditor",
        };
        wrong.push(FieldError::new(&format!("{field}[{number}]"), text, message));
    }
    if wrong.is_empty() { Ok(roles) } else { Err(wrong) }
}

/// A change of what was shown at a revision.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AtRevision {
    pub rev: i64,
}

/// A form whose only content is its token.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoFields {}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &[(&str, &str)]) -> Vec<(String, String)> {
        text.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn rows_are_read_in_pairs_and_nothing_else_is_taken() {
        let good = [("rev", "3"), ("place", "own"), ("role", "clinician"), ("place", ""), ("role", "")];
        let form = RolesForm::read(pairs(&good)).unwrap();
        let grants = form.parse(&["own".parse().unwrap()]).unwrap();
        assert_eq!(grants, ["own:clinician".parse().unwrap()]);
        assert_eq!(RolesForm::of(3, &grants).rows, form.rows[..1]);
        for bad in [
            vec![("rev", "3"), ("place", "own")],
            vec![("rev", "3"), ("role", "clinician"), ("place", "own")],
            vec![("rev", "3"), ("place", "own"), ("place", "own"), ("role", "admin"), ("role", "admin")],
            vec![("rev", "x")],
            vec![("rev", "3"), ("rev", "3")],
            vec![("rev", "3"), ("_id", "a")],
            vec![("rev", "3"), ("$set", "a")],
            vec![("rev", "3"), ("a.b", "a")],
            vec![],
        ] {
            assert!(matches!(RolesForm::read(pairs(&bad)), Err(AppError::BadRequest(_))), "{bad:?}");
        }
    }

    #[test]
    fn each_wrong_row_and_field_is_named() {
        let row = |place: &str, role: &str| Row { place: place.into(), role: role.into() };
        let form = NewPersonForm {
            email: "nobody".into(),
            name: " ".into(),
            rows: vec![row("own", "clinician"), row("", "admin"), row("system", "clinician"), row("far", "admin")],
        };
        let wrong = form.parse(&["own".parse().unwrap()]).unwrap_err();
        let fields: Vec<&str> = wrong.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["email", "name", "role-1", "role-2", "role-3"]);
        let form = NewPersonForm { email: " Ann@Lab.Example ".into(), name: " Ann ".into(), rows: vec![row("", "")] };
        assert_eq!(form.parse(&[]).unwrap_err()[0].field, "role-0", "somebody without a role cannot sign in");
        let form = NewPersonForm { rows: vec![row("system", "auditor")], ..form };
        let person = form.parse(&[]).unwrap();
        assert_eq!((person.email.as_str(), person.name.as_str()), ("ann@lab.example", "Ann"));
    }

    #[test]
    fn roles_of_the_api_are_spelt_as_on_the_command_line() {
        let known = ["own".parse().unwrap()];
        let read =
            |texts: &[&str]| read_grants("add", &texts.iter().map(ToString::to_string).collect::<Vec<_>>(), &known);
        assert_eq!(read(&["own:admin", "system:auditor"]).unwrap().len(), 2);
        let wrong = read(&["own:admin", "far:admin", "own:boss", "system:clinician"]).unwrap_err();
        let fields: Vec<&str> = wrong.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["add[1]", "add[2]", "add[3]"]);
        let none = NewPerson::read("ann@lab.example", "Ann", &[], &known).unwrap_err();
        assert_eq!(none[0].field, "roles", "somebody without a role cannot sign in");
    }

    #[test]
    fn a_members_roles_are_those_of_one_institute() {
        let form = MemberRolesForm::read(pairs(&[("shown", "admin"), ("role", "clinician")])).unwrap();
        assert_eq!((form.shown, form.roles), (vec![Role::Admin], vec![Role::Clinician]));
        for bad in [("role", "boss"), ("role", "system:admin"), ("role", "other:admin"), ("institute", "other")] {
            assert!(MemberRolesForm::read(pairs(&[bad])).is_err(), "{bad:?}");
        }
        assert!(MemberRolesForm::read(pairs(&[("role", "admin"), ("role", "admin")])).is_err());
    }
}

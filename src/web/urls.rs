//! Addresses of pages. Nothing else in the program writes a path.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::auth::StepUpClass;
use crate::cases::{Case, ListKind};
use crate::comments::Comment;
use crate::ids::{CaseName, CommentId, FilterId, InstituteId, UserId, VariantId};

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Cases of an institute.
#[must_use]
pub fn institute(id: &InstituteId) -> String {
    format!("/{id}")
}

/// Settings of an institute, for its admins.
#[must_use]
pub fn institute_settings(id: &InstituteId) -> String {
    format!("/{id}/settings")
}

/// From where what is the system's is open, for its admins.
#[must_use]
pub fn system_addresses() -> &'static str {
    "/admin/addresses"
}

/// From where an institute and its roles are open, for its admins.
#[must_use]
pub fn institute_addresses(id: &InstituteId) -> String {
    format!("/{id}/settings/addresses")
}

/// Members of an institute, for its admins.
#[must_use]
pub fn members(id: &InstituteId) -> String {
    format!("/{id}/members")
}

/// A member of an institute.
#[must_use]
pub fn member(id: &InstituteId, user: &UserId) -> String {
    format!("/{id}/members/{user}")
}

/// All people, for system admins.
#[must_use]
pub fn people() -> &'static str {
    "/admin/users"
}

/// One of all people.
#[must_use]
pub fn person(user: &UserId) -> String {
    format!("/admin/users/{user}")
}

/// All institutes, for system admins.
#[must_use]
pub fn institutes() -> &'static str {
    "/admin/institutes"
}

/// One of all institutes, for system admins.
#[must_use]
pub fn listed_institute(id: &InstituteId) -> String {
    format!("/admin/institutes/{id}")
}

/// The identity providers, for system admins.
#[must_use]
pub fn providers() -> &'static str {
    "/admin/providers"
}

/// A case.
#[must_use]
pub fn case(case: &Case) -> String {
    case_named(&case.institute, &case.name)
}

/// A case by its names.
#[must_use]
pub fn case_named(institute: &InstituteId, name: &CaseName) -> String {
    format!("/{institute}/{}", segment(name.as_str()))
}

/// Emergency access to cases that one does not read otherwise.
#[must_use]
pub fn break_glass() -> &'static str {
    "/break-glass"
}

/// Where emergency access to a case is ended.
#[must_use]
pub fn end_break_glass(of: &Case) -> String {
    format!("{}/break-glass/end", case(of))
}

/// With whom a case is shared, for its owner; `query`: whom the form is filled in for, or what was done.
#[must_use]
pub fn sharing(of: &Case, query: &[(&str, String)]) -> String {
    with_query(&format!("{}/sharing", case(of)), query)
}

/// What the people of a case consent to.
#[must_use]
pub fn consent(of: &Case) -> String {
    format!("{}/consent", case(of))
}

/// Whether the research lists of a case are open.
#[must_use]
pub fn research(of: &Case) -> String {
    format!("{}/research", case(of))
}

/// Where the research lists of a case are closed.
#[must_use]
pub fn close_research(of: &Case) -> String {
    format!("{}/close", research(of))
}

/// Who reads a case.
#[must_use]
pub fn restriction(of: &Case) -> String {
    format!("{}/restriction", case(of))
}

/// Where a case is opened to its institute again.
#[must_use]
pub fn lift_restriction(of: &Case) -> String {
    format!("{}/lift", restriction(of))
}

/// Where comments about a case are written.
#[must_use]
pub fn comments(of: &Case) -> String {
    format!("{}/comments", case(of))
}

/// Where a change of the work on a case is sent: of its `status`, `assignees`, `tags`, `cohorts`, `groups` or `synopsis`.
#[must_use]
pub fn case_work(of: &Case, what: &str) -> String {
    format!("{}/{what}", case(of))
}

/// Where a decision about a variant of a case, reached from a list under a filter, is sent.
#[must_use]
pub fn decision(of: &Case, id: &VariantId, action: &str, query: &[(&str, String)]) -> String {
    with_query(&format!("{}/{action}", variant(of, id, &[])), query)
}

/// The saved filters of an institute.
#[must_use]
pub fn saved_filters(id: &InstituteId) -> String {
    format!("{}/cases/filters", institute(id))
}

/// One of them.
#[must_use]
pub fn saved_filter(id: &InstituteId, filter: &FilterId) -> String {
    format!("{}/{filter}", saved_filters(id))
}

/// Where a list's filter is kept under a name.
#[must_use]
pub fn save_filter(of: &Case, query: &[(&str, String)]) -> String {
    with_query(&format!("{}/filters", case(of)), query)
}

/// Where it is noted that a saved filter was used for a case.
#[must_use]
pub fn filter_used(of: &Case) -> String {
    format!("{}/filters/used", case(of))
}

/// Where somebody ends a second reading that they did by themselves.
#[must_use]
pub fn second_reading(of: &Case) -> String {
    format!("{}/second-reading", case(of))
}

/// Decisions about variants that are other ones by now.
#[must_use]
pub fn changed(of: &Case) -> String {
    format!("{}/changed", case(of))
}

/// Where variants of a list under a filter are dismissed together.
#[must_use]
pub fn dismiss_several(of: &Case, query: &[(&str, String)]) -> String {
    with_query(&format!("{}/variants/dismiss", case(of)), query)
}

/// Where a decision about several variants is undone.
#[must_use]
pub fn undo_several(of: &Case, query: &[(&str, String)]) -> String {
    with_query(&format!("{}/variants/undo", case(of)), query)
}

/// What happened in a case.
#[must_use]
pub fn timeline(of: &Case, query: &[(&str, String)]) -> String {
    with_query(&format!("{}/timeline", case(of)), query)
}

/// Where a reader says that they have read a case.
#[must_use]
pub fn read(of: &Case) -> String {
    format!("{}/read", case(of))
}

/// Where comments about a variant of a case, reached from a list under a filter, are written.
#[must_use]
pub fn variant_comments(of: &Case, id: &VariantId, query: &[(&str, String)]) -> String {
    with_query(&format!("{}/comments", variant(of, id, &[])), query)
}

/// One comment with all its texts.
#[must_use]
pub fn comment(of: &Case, id: &CommentId) -> String {
    format!("{}/{id}", comments(of))
}

/// A comment where it stands among others: on the page of its case or variant, the latter reached from a list under a filter.
#[must_use]
pub fn beside(institute: &InstituteId, name: &CaseName, comment: &Comment, query: &[(String, String)]) -> String {
    let case = case_named(institute, name);
    let variant = comment.variant.as_ref().map(|about| format!("/variants/{}", about.id)).unwrap_or_default();
    format!("{}#comment-{}", with_query(&format!("{case}{variant}"), query), comment.id)
}

/// Comments that mention the person.
#[must_use]
pub fn mentions() -> &'static str {
    "/mentions"
}

/// Comments whose texts are to be erased, for auditors.
#[must_use]
pub fn redactions() -> &'static str {
    "/audit/redactions"
}

/// A case's small variants under a filter.
#[must_use]
pub fn variants(of: &Case, query: &[(&str, String)]) -> String {
    with_query(&format!("{}/variants", case(of)), query)
}

/// The whole of a case's list of small variants.
#[must_use]
pub fn whole_list(of: &Case, list: ListKind) -> String {
    variants(of, &list_query(list))
}

/// What an address says of the list it is about.
#[must_use]
pub fn list_query(list: ListKind) -> Vec<(&'static str, String)> {
    if list.is_clinical() { Vec::new() } else { vec![("list", list.as_str().to_owned())] }
}

/// One variant, reached from a list under a filter.
#[must_use]
pub fn variant(of: &Case, id: &VariantId, query: &[(&str, String)]) -> String {
    with_query(&format!("{}/variants/{id}", case(of)), query)
}

/// The order of a validation, to be printed.
#[must_use]
pub fn order(institute: &InstituteId, case: &CaseName, id: &VariantId) -> String {
    format!("{}/variants/{id}/order", case_named(institute, case))
}

/// The same, told by its number only.
#[must_use]
pub fn mailed_order(number: &str) -> String {
    format!("/orders/{}", segment(number))
}

/// Where a variant is, under a filter.
#[must_use]
pub fn find(of: &Case, query: &[(&str, String)]) -> String {
    with_query(&format!("{}/find", case(of)), query)
}

/// The export of a filtered list.
#[must_use]
pub fn export(of: &Case, format: &str, query: &[(&str, String)]) -> String {
    with_query(&format!("{}/variants.{format}", case(of)), query)
}

/// The trail under a question.
#[must_use]
pub fn audit(query: &[(&str, String)]) -> String {
    with_query("/audit", query)
}

/// One entry of the trail.
#[must_use]
pub fn audit_entry(id: &str) -> String {
    format!("/audit/entries/{}", segment(id))
}

/// Where a saved view of the trail is deleted.
#[must_use]
pub fn audit_view(id: &str) -> String {
    format!("/audit/views/{}/delete", segment(id))
}

/// The export of a window of the trail.
#[must_use]
pub fn audit_export(format: &str, query: &[(&str, String)]) -> String {
    with_query(&format!("/audit/export.{format}"), query)
}

/// Cases of an institute, narrowed, sorted and paged.
#[must_use]
pub fn cases(institute: &InstituteId, narrowed: &[(String, String)]) -> String {
    with_query(&self::institute(institute), narrowed)
}

/// The worklist to print, narrowed as the cases page is.
#[must_use]
pub fn worklist(institute: &InstituteId, narrowed: &[(String, String)]) -> String {
    with_query(&format!("{}/cases/worklist", self::institute(institute)), narrowed)
}

/// Erasures from the audit trail.
#[must_use]
pub fn erasures() -> &'static str {
    "/audit/erasures"
}

/// Where a fresh code opens a class, and the page to come back to.
#[must_use]
pub fn confirm(class: StepUpClass, to: &str) -> String {
    let to = if to.is_empty() { None } else { Some(("to", to.to_owned())) };
    let query: Vec<_> = [("class", class.as_str().to_owned())].into_iter().chain(to).collect();
    with_query("/account/confirm", &query)
}

/// Roles of one's own, to enter and to leave.
#[must_use]
pub fn roles() -> &'static str {
    "/account/roles"
}

/// Where an elevated role is entered.
#[must_use]
pub fn enter_role() -> &'static str {
    "/account/roles/enter"
}

/// Where it is left.
#[must_use]
pub fn leave_role() -> &'static str {
    "/account/roles/leave"
}

/// The form that somebody sent in vain, to send it again.
#[must_use]
pub fn kept_form() -> &'static str {
    "/account/kept"
}

/// The one-time link of an invitation, below the server's address.
#[must_use]
pub fn invitation(token: &str) -> String {
    with_query("/auth/invitation", &[("token", token.to_owned())])
}

/// Flags of the audit trail.
#[must_use]
pub fn flags() -> &'static str {
    "/audit/flags"
}

/// One flag.
#[must_use]
pub fn flag(id: &str) -> String {
    format!("/audit/flags/{}", segment(id))
}

fn with_query(path: &str, query: impl serde::Serialize) -> String {
    match serde_urlencoded::to_string(query) {
        Ok(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded() {
        let (institute, name) = ("cust000".parse().unwrap(), "Familj Ö 1".parse().unwrap());
        assert_eq!(case_named(&institute, &name), "/cust000/Familj%20%C3%96%201");
    }
}

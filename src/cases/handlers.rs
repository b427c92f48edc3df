use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;

use super::access::CaseAccess;
use super::emergency::Emergency;
use super::model::{Case, CaseList, Individual, ListKind};
use crate::app::AppState;
use crate::casework::WorkPanel;
use crate::comments::{About, Discussion, to_html};
use crate::decisions::{SecondReadingPanel, count_changed, second_reading};
use crate::error::{AppError, AppResult};
use crate::ids::InstituteId;
use crate::pedigree::{self, Drawing, Member};
use crate::variants::{Category, KeyForm};
use crate::web::{Access, Layout, Page, Routes, filters, urls};

/// Changes shown on the case page.
const RECENT: i64 = 10;

/// The page of a case.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().get("/{institute}/{case}", Access::Case, show)
}

#[derive(Template)]
#[template(path = "cases/case.html")]
struct CasePage {
    layout: Layout,
    name: String,
    family: String,
    track: &'static str,
    lims_id: String,
    /// What it is about, as harmless HTML.
    synopsis: String,
    work: WorkPanel,
    analysed: String,
    rank_model: String,
    individuals: Vec<IndividualLine>,
    pedigree: Drawing,
    pedigree_words: String,
    panels: Vec<PanelLine>,
    lists: Vec<ListView>,
    not_assessed: Vec<String>,
    phenotype_terms: Vec<String>,
    files: Vec<(String, String)>,
    /// Where consent is put on record, for those who do.
    consent_url: Option<String>,
    /// Where research lists are opened, for those who do.
    research_url: Option<String>,
    /// Where it is said who reads the case, for those who do.
    restriction_url: Option<String>,
    sharing: Option<Sharing>,
    emergencies: Vec<EmergencyLine>,
    /// What a shared case is shared for.
    purpose: Option<String>,
    discussion: Discussion,
    events: Vec<EventLine>,
    timeline_url: String,
    /// Decisions about variants that are other ones by now: how many, and where they are.
    changed: Option<(String, String)>,
    /// Causes that are not confirmed.
    second_reading: Option<SecondReadingPanel>,
    clinical_url: String,
    all_url: String,
}

struct IndividualLine {
    name: String,
    id: String,
    relation: &'static str,
    sex: &'static str,
    phenotype: &'static str,
    father: String,
    mother: String,
    analysis: String,
    tissue: String,
    kits: String,
}

struct PanelLine {
    name: String,
    display_name: String,
    version: String,
    genes: String,
    default: bool,
    url: String,
}

struct ListView {
    title: String,
    url: String,
    total: String,
    threshold: String,
    loaded: String,
    revision: u32,
    records: String,
    alleles: String,
    stored: String,
    left_out: Vec<(&'static str, String)>,
    files: String,
    program: String,
    annotations: Vec<String>,
    ignored_columns: String,
    unknown_terms: Vec<(String, u64)>,
    faults: String,
    first_faults: Vec<String>,
    reference_differs: String,
    reference_sentence: String,
    keys: &'static str,
    seconds: String,
    rate: String,
}

/// That somebody opened the case in an emergency.
struct EmergencyLine {
    who: String,
    at: String,
    until: String,
    reason: String,
}

impl From<&Emergency> for EmergencyLine {
    fn from(emergency: &Emergency) -> Self {
        Self {
            who: emergency.by.name.clone(),
            at: filters::moment(emergency.at),
            until: filters::moment(emergency.ended.unwrap_or(emergency.until)),
            reason: emergency.reason.clone(),
        }
    }
}

/// With whom the case is shared.
struct Sharing {
    url: String,
    /// `cust111 until 2027-01-01`
    running: Vec<String>,
    /// Proposed by the load configuration, and not confirmed.
    proposals: Vec<String>,
}

impl Sharing {
    fn new(case: &Case, now: Timestamp) -> Self {
        let running: Vec<_> = case.shares.iter().filter(|share| share.is_running(now)).collect();
        let open = |id: &&InstituteId| !running.iter().any(|share| share.with == **id) && **id != case.institute;
        Self {
            url: urls::sharing(case, &[]),
            proposals: case.share_proposals.iter().filter(open).map(ToString::to_string).collect(),
            running: running.iter().map(|share| format!("{} until {}", share.with, share.last_day())).collect(),
        }
    }
}

struct EventLine {
    is_new: bool,
    at: String,
    who: String,
    what: &'static str,
}

/// `GET /{institute}/{case}`
async fn show(access: CaseAccess, page: Page, State(app): State<AppState>) -> AppResult<Response> {
    let case = access.case();
    let (events, discussion, institute) = tokio::try_join!(
        app.events.recent(&access, RECENT),
        Discussion::new(&app, &access, About::Case, None),
        app.institutes.find(&case.institute),
    )?;
    let institute = institute.ok_or(AppError::NotFound("institute"))?;
    let labels = app.cases.labels(&access, &institute).await?;
    let changed = count_changed(&app, &access).await?;
    let second_reading = second_reading(&app, &access, &institute).await?;
    let since = discussion.unread.as_ref().and_then(|unread| unread.since);
    let discussion = discussion.with_news(access.principal().user(), &events);
    let clinical = institute.clinical_filter(Category::Snv, Some(case));
    let members = members(case);
    let relations = pedigree::relations(&members);
    let bar = access.bar();
    let pedigree_words: Vec<String> = members
        .iter()
        .zip(&relations)
        .map(|(member, relation)| {
            format!("{}: {relation}, {}, {}", member.name, member.sex.as_str(), member.phenotype.as_str())
        })
        .collect();
    page.render(|layout| CasePage {
        layout: layout.with_case(bar),
        name: case.name.to_string(),
        family: case.family.clone(),
        track: case.track.as_str(),
        lims_id: case.lims_id.clone().unwrap_or_default(),
        synopsis: case.synopsis.as_deref().map(|text| to_html(text, &[])).unwrap_or_default(),
        work: WorkPanel::new(&access, &discussion.colleagues, &labels),
        analysed: case.analysis_date.map(filters::date).unwrap_or_default(),
        rank_model: case.rank_model_version.clone().unwrap_or_default(),
        individuals: case
            .individuals
            .iter()
            .zip(&relations)
            .map(|(individual, relation)| IndividualLine::new(case, individual, relation))
            .collect(),
        pedigree: pedigree::draw(&members),
        pedigree_words: pedigree_words.join("; "),
        panels: case
            .panels
            .iter()
            .map(|panel| PanelLine {
                name: panel.name.clone(),
                display_name: panel.display_name.clone(),
                version: panel.version.clone(),
                genes: filters::thousands(u64::from(panel.genes)),
                default: panel.default,
                url: urls::variants(case, &[("panel", panel.name.clone())]),
            })
            .collect(),
        lists: case.lists.iter().map(|list| ListView::new(case, list)).collect(),
        not_assessed: case.not_assessed(),
        phenotype_terms: case.phenotype_terms.clone(),
        files: case
            .files
            .paths
            .iter()
            .map(|(key, path)| {
                let name = path.rsplit('/').next().unwrap_or(path).to_owned();
                (key.replace('_', " "), name)
            })
            .collect(),
        consent_url: access.may_edit().then(|| urls::consent(case)),
        research_url: access.may_edit().then(|| urls::research(case)),
        restriction_url: access.may_edit().then(|| urls::restriction(case)),
        sharing: access.is_own().then(|| Sharing::new(case, app.clock.now())),
        emergencies: case.emergencies.iter().rev().map(EmergencyLine::from).collect(),
        purpose: access.share().map(|share| share.purpose.clone()),
        discussion,
        events: events
            .iter()
            .map(|event| EventLine {
                is_new: since.is_some_and(|since| event.is_news(access.principal().user(), since)),
                at: filters::moment(event.at),
                who: event.actor.name.clone(),
                what: event.kind.words(),
            })
            .collect(),
        timeline_url: urls::timeline(case, &[]),
        changed: (changed > 0).then(|| (filters::thousands(changed as u64), urls::changed(case))),
        second_reading,
        clinical_url: urls::variants(case, &clinical.pairs()),
        all_url: urls::variants(case, &[]),
    })
}

/// The case's individuals as a family.
pub(crate) fn members(case: &Case) -> Vec<Member> {
    case.individuals
        .iter()
        .map(|individual| Member {
            id: individual.individual_id.clone(),
            name: individual.name.clone(),
            sex: individual.sex,
            phenotype: individual.phenotype,
            father: individual.father.clone(),
            mother: individual.mother.clone(),
        })
        .collect()
}

impl IndividualLine {
    fn new(case: &Case, individual: &Individual, relation: &'static str) -> Self {
        let name_of = |id: &Option<String>| {
            let found = case.individuals.iter().find(|other| Some(&other.individual_id) == id.as_ref());
            found.map(|other| other.name.clone()).unwrap_or_default()
        };
        Self {
            name: individual.name.clone(),
            id: individual.individual_id.clone(),
            relation,
            sex: individual.sex.as_str(),
            phenotype: individual.phenotype.as_str(),
            father: name_of(&individual.father),
            mother: name_of(&individual.mother),
            analysis: individual.analysis_type.to_uppercase(),
            tissue: individual.tissue_type.clone().unwrap_or_default(),
            kits: individual.capture_kits.join(", "),
        }
    }
}

impl ListView {
    fn new(case: &Case, list: &CaseList) -> Self {
        // Something may lie outside consent, which faults would quote.
        let closed = case.closed().is_some();
        // Counts are those of what lies within consent, or their differences would tell how much does not.
        let outside = u64::from(list.outside);
        let report = &list.report.without(outside);
        let kind = match list.list {
            ListKind::Clinical => "Clinical",
            ListKind::Research => "Research",
        };
        Self {
            title: format!("{kind} SNVs and indels"),
            url: urls::whole_list(case, list.list),
            total: filters::thousands(u64::from(list.shown())),
            threshold: filters::score(list.threshold),
            loaded: filters::moment(list.loaded_at),
            revision: list.revision,
            records: filters::thousands(report.records),
            alleles: filters::thousands(report.alleles),
            stored: filters::thousands(report.stored),
            left_out: report
                .left_out
                .iter()
                .map(|(reason, count)| (reason.words(), filters::thousands(*count)))
                .collect(),
            files: report.files.join(", "),
            program: report.program.clone(),
            annotations: report.annotations.clone(),
            ignored_columns: report.ignored_columns.join(", "),
            unknown_terms: report.unknown_terms.iter().map(|(term, count)| (term.clone(), *count)).collect(),
            faults: filters::thousands(report.faults),
            first_faults: if closed { Vec::new() } else { report.first_faults.clone() },
            reference_differs: filters::thousands(report.reference_differs),
            reference_sentence: report.reference_sentence().unwrap_or_default(),
            keys: match list.keys {
                KeyForm::Trimmed => "trimmed alleles",
                KeyForm::LeftAligned => "left-aligned alleles",
            },
            seconds: filters::significant(report.seconds, 3),
            rate: {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a rate for people, never negative"
                )]
                let rate = report.records_per_second().round() as u64;
                filters::thousands(rate)
            },
        }
    }
}

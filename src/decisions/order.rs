//! The order of a validation, as a page to be printed for the laboratory; what is left of one that was cancelled.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::app::AppState;
use crate::cases::{Case, CaseEditor, Individual};
use crate::error::{AppError, AppResult};
use crate::institutes::Institute;
use crate::mail;
use crate::variants::{Variant, VariantPath};
use crate::vcf::model::{GeneAnnotation, Transcript};
use crate::web::{Layout, Page, Path, filters, urls};

#[derive(Template)]
#[template(path = "variants/order.html")]
struct OrderPage {
    layout: Layout,
    case: String,
    number: String,
    by: String,
    at: String,
    /// What was found; empty while nothing is.
    result: String,
    simple_id: String,
    build: &'static str,
    place: String,
    reference: String,
    alternative: String,
    genes: Vec<GeneLine>,
    samples: Vec<SampleLine>,
    /// What became of mails about it and earlier ones.
    mails: Vec<String>,
    back: String,
}

/// Nothing is to be validated any more.
#[derive(Template)]
#[template(path = "variants/cancelled_order.html")]
struct CancelledPage {
    layout: Layout,
    case: String,
    number: String,
    mails: Vec<String>,
    back: String,
}

/// A gene with the names that the change has on its transcripts.
struct GeneLine {
    symbol: String,
    changes: Vec<String>,
}

/// A sample to be looked at, and what the sequence said.
struct SampleLine {
    name: String,
    id: String,
    phenotype: &'static str,
    /// GT as the file has it; a dash for none.
    genotype: String,
    /// Reads with the reference and with this allele; empty when they are not known.
    depths: String,
}

/// `GET /{institute}/{case}/variants/{id}/order`. An order that was cancelled stays as long as somebody was told of it by
/// mail.
pub(super) async fn show(
    editor: CaseEditor,
    page: Page,
    State(app): State<AppState>,
    Path(at): Path<VariantPath>,
) -> AppResult<Response> {
    let access = editor.access();
    let variant = app.variants.find(access, &at.id).await?.ok_or(AppError::NotFound("variant"))?;
    let states = app.states.of_case(access).await?;
    let order = states.get(&at.id).and_then(|state| state.validation.as_ref());
    let mails = app.outbox.of_variant(access, &at.id).await?;
    let told = mail::in_words(&mails, app.config.mail.is_on());
    let case = access.case();
    let bar = access.bar();
    let back = urls::variant(case, &at.id, &[]);
    let Some(order) = order else {
        let last = mails.last().and_then(|mail| mail.about.order()).ok_or(AppError::NotFound("order"))?;
        return page.render(|layout| CancelledPage {
            layout: layout.with_case(bar),
            case: case.name.to_string(),
            number: last.number.clone(),
            mails: told,
            back,
        });
    };
    let mails = if mails.iter().filter_map(|mail| mail.about.order()).any(|told| told.number == order.number) {
        told
    } else {
        let institute = app.institutes.find(&case.institute).await?.ok_or(AppError::NotFound("institute"))?;
        let why = why_not_mailed(app.config.mail.is_on(), case, &institute);
        [why.to_owned()].into_iter().chain(told).collect()
    };
    page.render(|layout| OrderPage {
        layout: layout.with_case(bar),
        case: case.name.to_string(),
        number: order.number.clone(),
        by: order.by.name.clone(),
        at: filters::moment(order.at),
        result: order.result.as_ref().map(|result| result.outcome.words().to_owned()).unwrap_or_default(),
        simple_id: variant.simple_id(),
        build: case.build.name(),
        place: format!(
            "chromosome {}, position {}",
            variant.chromosome,
            filters::thousands(u64::from(variant.position))
        ),
        reference: variant.reference.clone(),
        alternative: variant.alternative.clone(),
        genes: variant.genes.iter().map(GeneLine::new).collect(),
        samples: case
            .individuals
            .iter()
            .filter(|individual| individual.has_dna())
            .map(|individual| SampleLine::new(individual, &variant))
            .collect(),
        mails,
        back,
    })
}

/// Why nobody was told of an order by mail.
fn why_not_mailed(is_on: bool, case: &Case, institute: &Institute) -> &'static str {
    match (is_on, institute.settings.order_mail.is_empty()) {
        _ if case.restriction.is_some() => "not mailed: the case is restricted to named people",
        (false, _) => "not mailed: this server sends no mail",
        (true, true) => "not mailed: the institute’s settings name nobody who gets orders by mail",
        (true, false) => "not mailed: nobody was to get orders by mail when it was ordered",
    }
}

impl SampleLine {
    fn new(individual: &Individual, variant: &Variant) -> Self {
        let sample = variant.samples.iter().find(|sample| sample.individual_id == individual.individual_id);
        let call = sample.map(|sample| &sample.call);
        Self {
            name: individual.name.clone(),
            id: individual.individual_id.clone(),
            phenotype: individual.phenotype.as_str(),
            genotype: call.and_then(|call| call.genotype.clone()).unwrap_or_else(|| "–".to_owned()),
            depths: match call.map(|call| (call.ref_depth, call.alt_depth)) {
                Some((Some(reference), Some(alternative))) => format!("{reference} / {alternative}"),
                _ => String::new(),
            },
        }
    }
}

impl GeneLine {
    fn new(gene: &GeneAnnotation) -> Self {
        let changes = gene.transcripts.iter().filter_map(change);
        Self { symbol: gene.symbol.clone().unwrap_or_default(), changes: changes.collect() }
    }
}

/// `NM_000059.4:c.5946del p.(…)`; by the RefSeq name where there is one.
fn change(transcript: &Transcript) -> Option<String> {
    let coding = transcript.hgvs_c.as_deref()?;
    let coding = coding.split_once(':').map_or(coding, |(_, change)| change);
    let name = transcript.mane_select.as_ref().unwrap_or(&transcript.id);
    let protein = transcript.hgvs_p.as_deref().map(|protein| format!(" {protein}")).unwrap_or_default();
    let mane = if transcript.mane_select.is_some() { " (MANE Select)" } else { "" };
    Some(format!("{name}:{coding}{protein}{mane}"))
}

//! "Where is it?": whether a variant is shown, what hides it, or why the list does not have it.

use std::collections::HashMap;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::columns::{Clause, Filter, explain, in_words};
use super::file_lookup::{By, FileSays, Lookup, Trouble};
use super::model::Category;
use super::search::{Search, search};
use super::sought::{HgvsOf, Matcher, Sought, spellings};
use super::views::{change, consequence_words, query};
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{Case, CaseAccess, ListKind};
use crate::error::{AppError, AppResult};
use crate::web::{Layout, Page, Params, filters, problem, urls};

/// Variants told of; the best ranked of those that match.
const MOST: usize = 50;

/// Widest range, in bases, for which the file is asked although the list knows variants there.
const NARROW: u32 = 10_000;

/// Longest wait for a place to read a file.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The answer to one question.
pub struct Answer {
    /// As typed.
    pub question: String,
    /// As understood.
    pub sought: Sought,
    /// The list under the active filter.
    pub search: Search,
    /// How many rows of the list match.
    pub matching: usize,
    /// The best ranked of them.
    pub hits: Vec<Hit>,
    /// What else is to be known.
    pub notes: Vec<String>,
    /// What the files say; none when they were not asked.
    pub files: Vec<FileAnswer>,
}

/// A row of the list that matches.
pub struct Hit {
    /// Its place in the list, from 0.
    pub row: usize,
    /// Whether the active filter shows it.
    pub shown: bool,
    /// Every clause that is false for it.
    pub false_clauses: Vec<FalseClause>,
    /// The fewest clauses whose removal shows it.
    pub remove: Vec<Clause>,
    /// The active filter without these, at the page that has it.
    pub list: Filter,
}

/// A clause that a row does not pass.
pub struct FalseClause {
    /// Which.
    pub clause: Clause,
    /// What it asks for.
    pub words: String,
    /// What the row has; may be empty.
    pub here: String,
    /// Whether it is among those to remove.
    pub remove: bool,
}

/// What one file says about what the list does not have.
pub struct FileAnswer {
    /// The file's name.
    pub name: String,
    /// How it was looked through: `index` or `reading`; none when it could not be.
    pub by: Option<&'static str>,
    /// `left_out`, `absent`, `gone`, `unreadable` or `too_long`.
    pub outcome: &'static str,
    /// A sentence.
    pub words: String,
    /// Alleles that are in the file and not in the list.
    pub alleles: Vec<LeftOutAllele>,
    /// There are more of them.
    pub more: bool,
}

/// An allele that is in a file and not in the list.
pub struct LeftOutAllele {
    /// `7_124491972_C_A`
    pub simple_id: String,
    /// Rank score in the file.
    pub rank_score: Option<f64>,
    /// Threshold of the list.
    pub threshold: Option<f64>,
    /// Its genes.
    pub genes: Vec<String>,
    /// Why it is not in the list.
    pub reason: String,
}

/// Answers a question about a case's list under a filter: parameter `q`, the others as in the list's address.
pub async fn find(app: &AppState, access: &CaseAccess, params: &Params, trail: &Trail) -> AppResult<Answer> {
    let (question, sought) = question_of(params)?;
    if let Some((kind, name)) = sought.for_audit() {
        trail.note_sought(kind, &name);
    }
    // Which page is open, and whether it shows what the filter hides, is no part of the filter.
    let of_filter = |name: &str| !matches!(name, "q" | "page" | "notable");
    let rest = params.pairs().iter().filter(|(name, _)| of_filter(name)).cloned().collect();
    let search = search(app, access, &Params::new(rest)).await?;
    let case = access.case();
    let gene = gene_of(app, &sought, &search).await?;
    let matcher = Matcher::new(sought.clone(), case.build, gene);
    let mut notes = Vec::new();
    let withheld = case.withheld();
    if let Some(name) = gene_name(&sought)
        && withheld.has_gene(gene, name)
    {
        // Said whether or not there is anything, so that it tells nothing.
        notes.push(
            "Outside consent: what people carry in this gene who do not allow to be told of it is not told, nor whether they \
             do."
            .to_owned(),
        );
    }
    let mut rows = match &sought {
        Sought::Hgvs { .. } => rows_by_hgvs(app, access, &search, &sought, &matcher, &mut notes).await?,
        _ => (0..search.total()).filter(|row| matcher.row(search.columns.row(*row))).collect(),
    };
    let mut files = Vec::new();
    if access.is_guest() {
        notes.push(
            "The case is shared with you: its files stay with their owner, so what they have beyond the list is not told."
                .to_owned(),
        );
    } else if rows.is_empty() || sought.place().is_some_and(|place| place.end - place.start < NARROW) {
        let lookup = Lookup { list: search.kind(), place: sought.place(), matcher, index_only: !rows.is_empty() };
        let mut said = in_files(app, case, lookup).await?;
        for says in &mut said {
            says.alleles.retain(|found| !search.columns.is_outside(&found.id));
        }
        for row in said.iter().flat_map(|says| &says.alleles).filter_map(|found| search.columns.find(&found.id)) {
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        rows.sort_unstable();
        let threshold = search.list.as_ref().map(|list| list.threshold);
        files =
            said.into_iter().filter_map(|says| FileAnswer::new(says, &search, threshold, rows.is_empty())).collect();
        if !withheld.is_nothing() && !files.is_empty() {
            notes.push("A variant outside consent is told as if it was not there.".to_owned());
        }
    }
    let matching = rows.len();
    rows.truncate(MOST);
    let hits = hits(&search, &rows);
    trail.note_rows(hits.len() + files.iter().map(|file| file.alleles.len()).sum::<usize>());
    Ok(Answer { question, sought, search, matching, hits, notes, files })
}

fn question_of(params: &Params) -> AppResult<(String, Sought)> {
    let mut given = params.pairs().iter().filter(|(name, _)| name == "q").map(|(_, value)| value.trim());
    let question = given.next().unwrap_or_default();
    if given.next().is_some() {
        return Err(problem("q", question, "this parameter may be given once"));
    }
    let sought = Sought::parse(question).map_err(|why| problem("q", question, why))?;
    Ok((question.to_owned(), sought))
}

fn gene_name(sought: &Sought) -> Option<&str> {
    match sought {
        Sought::Gene(name) | Sought::Hgvs { of: Some(HgvsOf::Gene(name)), .. } => Some(name),
        _ => None,
    }
}

async fn gene_of(app: &AppState, sought: &Sought, search: &Search) -> AppResult<Option<u32>> {
    let Some(name) = gene_name(sought) else { return Ok(None) };
    if let Some(id) = search.columns.gene_named(name) {
        return Ok(Some(id));
    }
    let names = app.genes.resolve(&[name.to_owned()]).await?;
    Ok(names.resolve(name).map(|gene| gene.hgnc_id))
}

/// Columns have one transcript of each gene, documents have all.
async fn rows_by_hgvs(
    app: &AppState,
    access: &CaseAccess,
    search: &Search,
    sought: &Sought,
    matcher: &Matcher,
    notes: &mut Vec<String>,
) -> AppResult<Vec<usize>> {
    let (Sought::Hgvs { of, change }, Some(list)) = (sought, &search.list) else { return Ok(Vec::new()) };
    let documents =
        app.variants.with_hgvs(access, Category::Snv, search.kind(), list.revision, &spellings(change)).await?;
    let rows = |exactly: bool| -> Vec<usize> {
        let found = documents.iter().filter(|document| matcher.document(document, exactly));
        found.filter_map(|document| search.columns.find(&document.id())).collect()
    };
    let mut found = rows(true);
    if found.is_empty() {
        found = rows(false);
        if let (Some(HgvsOf::Sequence(name)), false) = (of, found.is_empty()) {
            notes.push(format!(
                "Nothing in the list is annotated on {name}; below is {change} on other transcripts, which may be another change."
            ));
        }
    }
    found.sort_unstable();
    Ok(found)
}

async fn in_files(app: &AppState, case: &Case, lookup: Lookup) -> AppResult<Vec<FileSays>> {
    let waited = tokio::time::timeout(LONGEST_WAIT, app.file_reads.clone().acquire_owned()).await;
    let Ok(Ok(place)) = waited else { return Err(AppError::Overloaded) };
    let case = case.clone();
    let said = tokio::task::spawn_blocking(move || {
        let _place = place; // given back when the reading ends, even if nobody waits for it any more
        lookup.run(&case)
    });
    said.await.map_err(|error| AppError::from(anyhow::Error::new(error).context("looking into a case's files")))
}

fn hits(search: &Search, rows: &[usize]) -> Vec<Hit> {
    let all = search.evaluated.clauses();
    let mut orders: HashMap<Vec<Clause>, Vec<usize>> = HashMap::new();
    rows.iter()
        .map(|row| {
            let explanation = explain(&search.evaluated, *row);
            let order = orders.entry(explanation.remove.clone()).or_insert_with(|| {
                let matched = search.evaluated.matched_without(&explanation.remove);
                search.filter.sort.rows(&search.columns, &matched, search.filter.order)
            });
            let mut list = search.filter.without(&explanation.remove);
            list.page = order.iter().position(|shown| shown == row).map_or(1, |at| at / list.per_page + 1);
            let false_clauses = explanation
                .false_clauses
                .iter()
                .chain(explanation.remove.iter().filter(|clause| !explanation.false_clauses.contains(clause)))
                .map(|clause| FalseClause {
                    clause: *clause,
                    words: search.filter.clause_in_words(*clause, &all),
                    here: search.columns.fact(*clause, *row),
                    remove: explanation.remove.contains(clause),
                })
                .collect();
            Hit { row: *row, shown: explanation.shown, false_clauses, remove: explanation.remove, list }
        })
        .collect()
}

impl Hit {
    /// The parameters of the page of the list that shows it.
    #[must_use]
    pub fn list_query(&self, kind: ListKind) -> Vec<(&'static str, String)> {
        let mut pairs = query(&self.list, kind);
        if self.list.page > 1 {
            pairs.push(("page", self.list.page.to_string()));
        }
        pairs
    }
}

impl FileAnswer {
    /// `None` when the file adds nothing to what the list says.
    fn new(says: FileSays, search: &Search, threshold: Option<f64>, alone: bool) -> Option<Self> {
        let alleles: Vec<LeftOutAllele> = says
            .alleles
            .iter()
            .filter(|found| search.columns.find(&found.id).is_none())
            .map(|found| LeftOutAllele::new(&found.allele, threshold))
            .collect();
        if alleles.is_empty() && !alone {
            return None;
        }
        let name = &says.name;
        let also = match says.unreadable {
            0 => String::new(),
            1 => " One record there could not be read; the load report names it.".to_owned(),
            several => format!(" {several} records there could not be read; the load report names them."),
        };
        let (outcome, words) = match (alleles.is_empty(), says.trouble) {
            (false, _) => ("left_out", format!("In the file {name}, but not in the list.")),
            (true, None) => ("absent", format!("Not in the file {name}.{also}")),
            (true, Some(Trouble::Gone)) => (
                "gone",
                format!("The file {name} is no longer there, so what was left out of the list cannot be told."),
            ),
            (true, Some(Trouble::Unreadable)) => (
                "unreadable",
                format!("The file {name} cannot be read, so what was left out of the list cannot be told."),
            ),
            (true, Some(Trouble::TooLong)) if says.by == Some(By::Index) => (
                "too_long",
                format!("More lies there in {name} than can be read while you wait; ask for a narrower range."),
            ),
            (true, Some(Trouble::TooLong)) => (
                "too_long",
                format!(
                    "Not in the part of {name} that can be read while you wait; ask for a position, and keep an index (.tbi) beside the file."
                ),
            ),
        };
        let by = says.by.map(|by| match by {
            By::Index => "index",
            By::Reading => "reading",
        });
        Some(Self {
            by,
            outcome,
            words,
            alleles,
            more: says.more || says.trouble == Some(Trouble::TooLong),
            name: says.name,
        })
    }
}

impl LeftOutAllele {
    fn new(allele: &crate::vcf::model::Allele, threshold: Option<f64>) -> Self {
        let score = allele.rank.score;
        let reason = match (score, threshold) {
            (Some(score), Some(threshold)) if score <= threshold => format!(
                "rank at or below threshold (score {}, threshold {})",
                filters::score(score),
                filters::score(threshold)
            ),
            (_, None) => "the case has no list of this kind".to_owned(),
            _ => "only a low rank leaves a record out, and this one's is not low: the file was changed after it was loaded, so load the case again".to_owned(),
        };
        let id =
            super::identity::simple_id(&allele.chromosome, allele.position, &allele.reference, &allele.alternative);
        let genes = allele.genes.iter().filter_map(|gene| gene.symbol.clone()).collect();
        Self { simple_id: id, rank_score: score, threshold, genes, reason }
    }
}

#[derive(Template)]
#[template(path = "variants/find.html")]
struct FindPage {
    layout: Layout,
    action: String,
    list_url: String,
    question: String,
    understood: String,
    hidden: Vec<(&'static str, String)>,
    words: Vec<String>,
    matching: usize,
    hits: Vec<HitView>,
    notes: Vec<String>,
    files: Vec<FileAnswer>,
}

struct HitView {
    url: String,
    rank: usize,
    score: String,
    gene: String,
    consequence: String,
    hgvs: String,
    locus: String,
    change: String,
    shown: bool,
    false_clauses: Vec<FalseClause>,
    removed: usize,
    list_url: String,
}

/// `GET /{institute}/{case}/find`
pub(super) async fn page(
    access: CaseAccess,
    page: Page,
    State(app): State<AppState>,
    params: Params,
    trail: Trail,
) -> AppResult<Response> {
    let answer = find(&app, &access, &params, &trail).await?;
    let case = access.case();
    let (filter, kind) = (&answer.search.filter, answer.search.kind());
    let bar = access.bar();
    let hidden = query(filter, kind);
    page.render(|layout| FindPage {
        layout: layout.with_case(bar),
        action: urls::find(case, &[]),
        list_url: urls::variants(case, &hidden),
        understood: format!("{} on {}", answer.sought, case.build.name()),
        words: in_words(filter),
        hits: answer.hits.iter().map(|hit| HitView::new(case, &answer.search, kind, hit)).collect(),
        question: answer.question,
        hidden,
        matching: answer.matching,
        notes: answer.notes,
        files: answer.files,
    })
}

impl HitView {
    fn new(case: &Case, search: &Search, kind: ListKind, hit: &Hit) -> Self {
        let row = search.columns.row(hit.row);
        let gene = row.genes().next();
        let list = hit.list_query(kind);
        Self {
            url: urls::variant(case, &row.id(), &query(&search.filter, kind)),
            rank: hit.row + 1,
            score: row.rank_score().map(filters::score).unwrap_or_default(),
            gene: gene.map(|gene| gene.symbol.to_owned()).unwrap_or_default(),
            consequence: gene.map(|gene| consequence_words(gene.consequence)).unwrap_or_default(),
            hgvs: gene.map(|gene| format!("{} {}", gene.hgvs_c, gene.hgvs_p)).unwrap_or_default(),
            locus: format!("{}:{}", row.chromosome(), filters::thousands(u64::from(row.position()))),
            change: change(row.reference(), row.alternative()),
            shown: hit.shown,
            removed: hit.remove.len(),
            list_url: format!("{}#v-{}", urls::variants(case, &list), row.id()),
            false_clauses: hit
                .false_clauses
                .iter()
                .map(|clause| FalseClause { words: clause.words.clone(), here: clause.here.clone(), ..*clause })
                .collect(),
        }
    }
}

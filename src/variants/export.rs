//! The filtered list as CSV, TSV or XLSX.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

use super::search::{Search, search};
use super::views::individual_heads;
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{Case, CaseAccess, ListKind};
use crate::error::{AppError, AppResult};
use crate::web::{self, Params};

/// Rows exported without further ado; more need the bulk export right.
const ROWS: usize = 500;

/// `GET /{institute}/{case}/variants.csv`
pub async fn csv(access: CaseAccess, State(app): State<AppState>, params: Params, trail: Trail) -> AppResult<Response> {
    delimited(&app, &access, &params, &trail, b',', "csv", "text/csv; charset=utf-8").await
}

/// `GET /{institute}/{case}/variants.tsv`
pub async fn tsv(access: CaseAccess, State(app): State<AppState>, params: Params, trail: Trail) -> AppResult<Response> {
    delimited(&app, &access, &params, &trail, b'\t', "tsv", "text/tab-separated-values; charset=utf-8").await
}

async fn delimited(
    app: &AppState,
    access: &CaseAccess,
    params: &Params,
    trail: &Trail,
    delimiter: u8,
    extension: &str,
    mime: &'static str,
) -> AppResult<Response> {
    on_screen_only(access)?;
    let found = search(app, access, params).await?;
    let table = table(access.case(), &found);
    let mut writer =
        ::csv::WriterBuilder::new().delimiter(delimiter).terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    for row in &table {
        let cells = row.iter().map(|cell| match cell {
            Cell::Text(text) => web::harmless(text),
            Cell::Number(number) => number.to_string(),
            Cell::Missing => String::new(),
        });
        writer.write_record(cells).map_err(anyhow::Error::new)?;
    }
    let bytes = writer.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
    trail.note_export(extension, table.len() - 1);
    Ok(download(access.case(), found.kind(), extension, mime, bytes))
}

/// `GET /{institute}/{case}/variants.xlsx`
pub async fn xlsx(
    access: CaseAccess,
    State(app): State<AppState>,
    params: Params,
    trail: Trail,
) -> AppResult<Response> {
    on_screen_only(&access)?;
    let found = search(&app, &access, &params).await?;
    let table = table(access.case(), &found);
    trail.note_export("xlsx", table.len() - 1);
    let bytes = workbook(&table).map_err(|error| AppError::from(anyhow::Error::new(error)))?;
    let mime = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    Ok(download(access.case(), found.kind(), "xlsx", mime, bytes))
}

fn on_screen_only(access: &CaseAccess) -> AppResult<()> {
    match access.emergency() {
        Some(_) => Err(AppError::Forbidden("Emergency access shows a case on the screen; it exports nothing.")),
        None => Ok(()),
    }
}

fn workbook(table: &[Vec<Cell>]) -> Result<Vec<u8>, rust_xlsxwriter::XlsxError> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet();
    for (row, cells) in (0_u32..).zip(table) {
        for (column, cell) in (0_u16..).zip(cells) {
            match cell {
                // A string cell is never a formula, whatever it begins with.
                Cell::Text(text) => sheet.write_string(row, column, text)?,
                Cell::Number(number) => sheet.write_number(row, column, *number)?,
                Cell::Missing => continue,
            };
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    workbook.save_to_buffer()
}

enum Cell {
    Text(String),
    Number(f64),
    Missing,
}

impl Cell {
    fn number(value: Option<f64>) -> Self {
        value.map_or(Self::Missing, Self::Number)
    }
}

/// The head line and at most [`ROWS`] lines.
fn table(case: &Case, found: &Search) -> Vec<Vec<Cell>> {
    let heads = individual_heads(case);
    let mut first: Vec<String> = [
        "Rank",
        "Rank score",
        "Chromosome",
        "Position",
        "Reference",
        "Alternative",
        "Gene",
        "HGNC id",
        "Transcript",
        "HGVS c.",
        "HGVS p.",
        "Consequence",
        "Region",
        "gnomAD",
        "CADD",
        "REVEL",
        "SpliceAI",
        "ClinVar",
        "Models",
        "Filter",
        "dbSNP",
    ]
    .map(str::to_owned)
    .to_vec();
    for head in &heads {
        for what in ["GT", "AD reference", "AD alternative", "DP", "GQ"] {
            first.push(format!("{what} {}", head.name));
        }
    }
    let mut table = vec![first.into_iter().map(Cell::Text).collect()];
    for at in found.rows.iter().take(ROWS) {
        let row = found.columns.row(*at);
        let joined = |texts: Vec<String>| Cell::Text(texts.join(" | "));
        let genes: Vec<_> = row.genes().collect();
        let of_genes = |text: &dyn Fn(&super::columns::RowGene<'_>) -> String| joined(genes.iter().map(text).collect());
        #[expect(clippy::cast_precision_loss, reason = "ranks are small")]
        let rank = (*at + 1) as f64;
        let mut cells = vec![
            Cell::Number(rank),
            Cell::number(row.rank_score()),
            Cell::Text(row.chromosome().to_owned()),
            Cell::Number(f64::from(row.position())),
            Cell::Text(row.reference().to_owned()),
            Cell::Text(row.alternative().to_owned()),
            of_genes(&|gene| gene.symbol.to_owned()),
            of_genes(&|gene| gene.hgnc_id.map(|id| id.to_string()).unwrap_or_default()),
            of_genes(&|gene| gene.transcript.to_owned()),
            of_genes(&|gene| gene.hgvs_c.to_owned()),
            of_genes(&|gene| gene.hgvs_p.to_owned()),
            of_genes(&|gene| gene.consequence.to_owned()),
            of_genes(&|gene| gene.region.to_owned()),
            Cell::number(row.gnomad()),
            Cell::number(row.cadd()),
            Cell::number(row.revel()),
            Cell::number(row.spliceai()),
            joined(row.clinvar().map(|record| record.significance.to_owned()).collect()),
            joined(row.models().map(str::to_owned).collect()),
            joined(row.filters().map(str::to_owned).collect()),
            joined(row.dbsnp().map(str::to_owned).collect()),
        ];
        for call in row.calls() {
            cells.push(Cell::Text(call.genotype.to_owned()));
            for reads in [call.ref_depth, call.alt_depth, call.depth] {
                cells.push(Cell::number(reads.map(f64::from)));
            }
            cells.push(Cell::number(call.quality));
        }
        table.push(cells);
    }
    table
}

fn download(case: &Case, list: ListKind, extension: &str, mime: &'static str, bytes: Vec<u8>) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    let list = if list.is_clinical() { "" } else { "research-" };
    let disposition = web::disposition(&format!("{}-{list}variants.{extension}", case.name));
    if let Ok(value) = HeaderValue::try_from(disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

use std::collections::{BTreeMap, HashMap, HashSet};

use super::bits::Bits;
use super::clauses::{Clause, Evaluated, Overlay};
use super::cutoffs::{CutoffKind, Cutoffs};
use super::filter::{Filter, GENE_MODELS, MODELS};
use super::limits::{Limit, People, SpidexBand};
use super::row::known;
use super::table::{Columns, GenotypeKind};
use crate::cases::Phenotype;
use crate::vcf::{clinvar, consequence};

/// One choice of a parameter with the number of rows it would show.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Choice {
    /// Value for the parameter.
    pub value: String,
    /// For people.
    pub label: String,
    /// Rows, with this parameter's own clause lifted and all others kept.
    pub count: usize,
    /// Whether the filter has it.
    pub selected: bool,
}

/// Choices by parameter.
pub type Facets = BTreeMap<&'static str, Vec<Choice>>;

/// Genes listed by name; the rest is one line.
const GENES: usize = 50;

/// Counts for every choice at once. `panels` are the panels on offer with their genes; `cutoffs` are the institute's,
/// and `clinical` is the gnomAD frequency of its clinical preset.
#[must_use]
pub fn facets(
    columns: &Columns,
    filter: &Filter,
    evaluated: &Evaluated,
    overlay: &Overlay,
    panels: &[(String, String, HashSet<u32>)],
    cutoffs: &Cutoffs,
    clinical: f64,
) -> Facets {
    let active = evaluated.clauses();
    let matched = evaluated.matched();
    let base = |clause: Clause| {
        if active.contains(&clause) { evaluated.matched_without(&[clause]) } else { matched.clone() }
    };
    let mut facets = Facets::new();
    genes(columns, filter, &base(Clause::Genes), panels, &mut facets);
    terms(columns, filter, &base, &mut facets);
    facets.insert("genotype", genotypes(columns, filter, &base(Clause::Genotype)));
    for limit in Limit::ALL {
        let mut cuts = cutoffs.get(CutoffKind::of(limit)).to_vec();
        if limit == Limit::Gnomad {
            cuts.push(clinical);
        }
        facets.insert(limit.parameter(), limits(columns, filter, limit, &base(Clause::Limit(limit)), cuts));
    }
    let band_rows = base(Clause::Spidex);
    let mut bands: BTreeMap<SpidexBand, usize> = BTreeMap::new();
    for row in band_rows.iter() {
        *bands.entry(SpidexBand::of(known(columns.numbers.spidex[row]))).or_default() += 1;
    }
    let spidex = SpidexBand::ALL.into_iter().map(|band| Choice {
        value: band.as_str().to_owned(),
        label: band.as_str().replace('_', " "),
        count: bands.get(&band).copied().unwrap_or(0),
        selected: filter.spidex.contains(&band),
    });
    facets.insert("spidex", spidex.collect());
    facets.insert("clinvar", clinvar_choices(columns, filter, &base(Clause::Clinvar)));
    facets.insert("filter", filter_values(columns, &filter.filters, &base(Clause::Filter), true));
    facets.insert("hide_filter", filter_values(columns, &filter.hide_filters, &base(Clause::HideFilter), false));
    facets.insert("dismissed", dismissed(filter, overlay, &base(Clause::Dismissed)));
    facets
}

fn genes(
    columns: &Columns,
    filter: &Filter,
    rows: &Bits,
    panels: &[(String, String, HashSet<u32>)],
    facets: &mut Facets,
) {
    let mut counts: HashMap<u32, (usize, &str)> = HashMap::new();
    let mut in_panel = vec![0; panels.len()];
    for row in rows.iter() {
        let cells = columns.genes.of(row);
        for (at, gene) in cells.iter().enumerate() {
            if gene.hgnc_id != 0 && !cells[..at].iter().any(|before| before.hgnc_id == gene.hgnc_id) {
                counts.entry(gene.hgnc_id).or_insert_with(|| (0, columns.text(gene.symbol))).0 += 1;
            }
        }
        for (count, (_, _, set)) in in_panel.iter_mut().zip(panels) {
            *count += usize::from(cells.iter().any(|gene| set.contains(&gene.hgnc_id)));
        }
    }
    let panel_choices = panels.iter().zip(in_panel).map(|((name, label, _), count)| Choice {
        value: name.clone(),
        label: label.clone(),
        count,
        selected: filter.panels.contains(name),
    });
    facets.insert("panel", panel_choices.collect());
    let mut sorted: Vec<(usize, &str)> = counts.into_values().collect();
    sorted.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let rest = sorted.len().saturating_sub(GENES);
    let mut choices: Vec<Choice> = sorted
        .iter()
        .take(GENES)
        .map(|(count, symbol)| Choice {
            value: (*symbol).to_owned(),
            label: (*symbol).to_owned(),
            count: *count,
            selected: filter.genes.iter().any(|gene| gene.eq_ignore_ascii_case(symbol)),
        })
        .collect();
    if rest > 0 {
        choices.push(Choice {
            value: "more".to_owned(),
            label: format!("{rest} more genes"),
            count: rest,
            selected: false,
        });
    }
    facets.insert("gene", choices);
}

/// Counts rows by a text that each row has none, one or several of; each row counts once per text.
fn tally<'a>(rows: &Bits, texts: usize, each: impl Fn(usize, &mut dyn FnMut(u32)) + 'a) -> Vec<usize> {
    let mut counts = vec![0; texts];
    let mut last = vec![usize::MAX; texts];
    for row in rows.iter() {
        each(row, &mut |text| {
            let text = text as usize;
            if last[text] != row {
                last[text] = row;
                counts[text] += 1;
            }
        });
    }
    counts
}

/// For each text, the text of the consequence it refines, where the list has that too.
fn refined_texts(columns: &Columns) -> Vec<Option<u32>> {
    let texts = || (0..columns.strings.len()).filter_map(|at| u32::try_from(at).ok());
    let text = |at: u32| columns.text(super::table::Text(at));
    let refined = |at: u32| consequence::refined(text(at));
    let wanted: HashSet<&str> = texts().filter_map(refined).collect();
    let found: HashMap<&str, u32> = if wanted.is_empty() {
        HashMap::new()
    } else {
        texts().map(|at| (text(at), at)).filter(|(text, _)| wanted.contains(text)).collect()
    };
    texts().map(|at| refined(at).and_then(|parent| found.get(parent)).copied()).collect()
}

fn terms(columns: &Columns, filter: &Filter, base: &dyn Fn(Clause) -> Bits, facets: &mut Facets) {
    let texts = columns.strings.len();
    let named = |counts: &[usize], selected: &dyn Fn(&str) -> bool| -> Vec<Choice> {
        let mut choices: Vec<Choice> = (1..texts)
            .map(|at| (columns.text(super::table::Text(u32::try_from(at).unwrap_or(0))), counts[at]))
            .filter(|(text, count)| *count > 0 || selected(text))
            .map(|(text, count)| Choice {
                value: text.to_owned(),
                label: text.replace('_', " "),
                count,
                selected: selected(text),
            })
            .collect();
        choices.sort_by(|a, b| b.count.cmp(&a.count).then(a.value.cmp(&b.value)));
        choices
    };
    let rows = base(Clause::Consequence);
    let parents = refined_texts(columns);
    let counts = tally(&rows, texts, |row, note| {
        for gene in columns.genes.of(row) {
            note(gene.consequence.0);
            // whoever asks for a term gets its refinements too
            if let Some(parent) = parents[gene.consequence.0 as usize] {
                note(parent);
            }
        }
    });
    let mut choices = named(&counts, &|term| filter.consequences.iter().any(|wanted| wanted == term));
    choices.sort_by_key(|choice| consequence::rank(&choice.value).unwrap_or(u16::MAX));
    facets.insert("consequence", choices);
    let rows = base(Clause::RegionAnnotation);
    let counts = tally(&rows, texts, |row, note| {
        for gene in columns.genes.of(row) {
            note(gene.region.0);
        }
    });
    facets.insert(
        "region_annotation",
        named(&counts, &|class| filter.region_annotations.iter().any(|wanted| wanted == class)),
    );
    let rows = base(Clause::Model);
    let counts = tally(&rows, texts, |row, note| {
        for model in columns.models.of(row) {
            note(model.0);
        }
    });
    let mut choices = named(&counts, &|model| filter.models.iter().any(|wanted| wanted == model));
    choices.sort_by_key(|choice| MODELS.iter().position(|model| *model == choice.value));
    facets.insert("model", choices);
    let rows = base(Clause::GeneModel);
    let mut by_mode = [0; GENE_MODELS.len()];
    for row in rows.iter() {
        for (count, mode) in by_mode.iter_mut().zip(GENE_MODELS) {
            let has = columns.genes.of(row).iter().any(|gene| {
                gene.inheritance.0 != 0 && columns.text(gene.inheritance).split(',').any(|found| found == mode)
            });
            *count += usize::from(has);
        }
    }
    let choices = GENE_MODELS.into_iter().zip(by_mode).filter(|(_, count)| *count > 0).map(|(mode, count)| Choice {
        value: mode.to_owned(),
        label: mode.to_owned(),
        count,
        selected: filter.gene_models.iter().any(|wanted| wanted == mode),
    });
    facets.insert("gene_model", choices.collect());
}

fn genotypes(columns: &Columns, filter: &Filter, rows: &Bits) -> Vec<Choice> {
    let affected: Vec<_> =
        columns.individuals.iter().filter(|individual| individual.phenotype == Phenotype::Affected).collect();
    GenotypeKind::ALL
        .into_iter()
        .map(|kind| Choice {
            value: kind.as_str().to_owned(),
            label: match kind {
                GenotypeKind::Het => "heterozygous",
                GenotypeKind::Hom => "homozygous",
                GenotypeKind::Hemi => "hemizygous",
                GenotypeKind::Other => "other",
            }
            .to_owned(),
            count: rows
                .iter()
                .filter(|row| affected.iter().any(|individual| individual.kinds[*row] & kind.bit() != 0))
                .count(),
            selected: filter.genotypes.contains(&kind),
        })
        .collect()
}

fn limits(columns: &Columns, filter: &Filter, limit: Limit, rows: &Bits, mut cuts: Vec<f64>) -> Vec<Choice> {
    let own = filter.limits.get(&limit).copied();
    cuts.extend(own);
    cuts.sort_by(f64::total_cmp);
    cuts.dedup();
    let values = limit.values(columns);
    let missing_passes = !filter.drop_missing.contains(&limit);
    let mut counts = vec![0; cuts.len()];
    let mut missing = 0;
    for row in rows.iter() {
        match known(values[row]) {
            Some(value) => {
                for (count, cut) in counts.iter_mut().zip(&cuts) {
                    *count += usize::from(limit.admits(value, *cut));
                }
            }
            None => missing += 1,
        }
    }
    let sign = if limit.is_maximum() { "≤" } else { "≥" };
    let mut choices: Vec<Choice> = cuts
        .iter()
        .zip(counts)
        .map(|(cut, count)| Choice {
            value: cut.to_string(),
            label: format!("{sign} {cut}"),
            count: count + if missing_passes { missing } else { 0 },
            selected: own == Some(*cut),
        })
        .collect();
    choices.push(Choice {
        value: "missing".to_owned(),
        label: "without a value".to_owned(),
        count: missing,
        selected: own.is_some() && missing_passes,
    });
    choices
}

fn clinvar_choices(columns: &Columns, filter: &Filter, rows: &Bits) -> Vec<Choice> {
    let mut counts: BTreeMap<u16, usize> = filter.clinvar.iter().map(|code| (*code, 0)).collect();
    for row in rows.iter() {
        let records = columns.clinvar.of(row);
        for (at, record) in records.iter().enumerate() {
            let counted = records[..at]
                .iter()
                .any(|before| before.code == record.code && (before.trusted || !filter.clinvar_trusted));
            if !counted && (record.trusted || !filter.clinvar_trusted) {
                *counts.entry(record.code).or_default() += 1;
            }
        }
    }
    counts
        .into_iter()
        .map(|(code, count)| Choice {
            value: code.to_string(),
            label: clinvar::words(code).to_owned(),
            count,
            selected: filter.clinvar.contains(&code),
        })
        .collect()
}

/// For `filter` the rows that have the value, for `hide_filter` the rows that hiding it leaves.
fn filter_values(columns: &Columns, selected: &[String], rows: &Bits, having: bool) -> Vec<Choice> {
    let counts = tally(rows, columns.strings.len(), |row, note| {
        for value in columns.filters.of(row) {
            note(value.0);
        }
    });
    let total = rows.count();
    let mut choices: Vec<Choice> = counts
        .iter()
        .enumerate()
        .map(|(at, count)| (columns.text(super::table::Text(u32::try_from(at).unwrap_or(0))), *count))
        .filter(|(text, count)| *count > 0 || selected.iter().any(|value| value == text))
        .map(|(text, count)| Choice {
            value: text.to_owned(),
            label: text.to_owned(),
            count: if having { count } else { total - count },
            selected: selected.iter().any(|value| value == text),
        })
        .collect();
    choices.sort_by(|a, b| a.value.cmp(&b.value));
    choices
}

fn dismissed(filter: &Filter, overlay: &Overlay, rows: &Bits) -> Vec<Choice> {
    let total = rows.count();
    let put_aside = overlay.iter().filter(|(row, state)| state.dismissed && rows.has(**row)).count();
    [("show", People::Show, total), ("hide", People::Hide, total - put_aside), ("only", People::Only, put_aside)]
        .into_iter()
        .map(|(value, choice, count)| Choice {
            value: value.to_owned(),
            label: value.to_owned(),
            count,
            selected: filter.dismissed == choice,
        })
        .collect()
}

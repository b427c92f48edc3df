//! Orphadata's products, which are XML: 4 (terms of disorders), 6 (genes of disorders), 9 (types of inheritance, in the
//! file with ages of onset).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

use super::diseases::{Authority, GeneIndex, Knowledge};
use super::table::whole_text;
use super::{ImportError, modes};

/// Elements within each other; the products have 9.
const DEEPEST: usize = 64;

/// Which product the beginning of a file belongs to.
pub(super) fn product(beginning: &str) -> Option<u8> {
    if !beginning.contains("<JDBOR") {
        return None;
    }
    [(4, "<HPODisorderSetStatusList"), (6, "<DisorderGeneAssociationList"), (9, "<AverageAgeOfOnsetList")]
        .into_iter()
        .find(|(_, element)| beginning.contains(element))
        .map(|(product, _)| product)
}

/// What a product says of one disorder.
#[derive(Debug, Default, PartialEq)]
struct Disorder {
    code: String,
    name: String,
    /// Product 9.
    types: Vec<String>,
    /// Product 6.
    genes: Vec<Gene>,
    /// Product 4, without excluded terms.
    terms: Vec<String>,
}

#[derive(Debug, Default, PartialEq)]
struct Gene {
    symbol: String,
    hgnc: String,
    association: String,
}

/// Reads one product.
pub(super) fn orphadata(
    path: &Path,
    product: u8,
    genes: &GeneIndex,
    knowledge: &mut Knowledge,
) -> Result<String, ImportError> {
    let file = path.display().to_string();
    let text = whole_text(path).map_err(|reason| ImportError::File { path: file.clone(), reason })?;
    let disorders = disorders(&text).map_err(|(line, reason)| ImportError::Line { path: file, line, reason })?;
    let authority = Authority::Orphadata(product);
    knowledge.forget(authority);
    let source = authority.source(release(&text).as_deref());
    let (mut linked, mut with_mode, mut unknown) = (0, BTreeSet::new(), BTreeMap::<&str, usize>::new());
    for disorder in &disorders {
        let id = format!("ORPHA:{}", disorder.code);
        knowledge.name(&id, &disorder.name);
        for gene in &disorder.genes {
            let Some(found) = genes.hgnc(&gene.hgnc).or_else(|| genes.symbol(&gene.symbol)) else { continue };
            let association = Some(gene.association.as_str()).filter(|words| !words.is_empty());
            knowledge.link(found, &id, &source, association);
            linked += 1;
        }
        for words in &disorder.types {
            let Some(models) = modes::of_orphanet(words) else {
                *unknown.entry(words).or_default() += 1;
                continue;
            };
            knowledge.inherited(&id, models, &source);
            with_mode.extend(Some(&disorder.code).filter(|_| !models.is_empty()));
        }
        for term in &disorder.terms {
            let models = modes::of_term(term);
            knowledge.inherited(&id, models, &source);
            with_mode.extend(Some(&disorder.code).filter(|_| !models.is_empty()));
        }
    }
    let words = match product {
        6 => format!("{linked} diseases of genes"),
        _ => format!("{} disorders, inheritance of {}", disorders.len(), with_mode.len()),
    };
    let unknown = unknown
        .into_iter()
        .map(|(kind, times)| format!("type of inheritance `{kind}`, read {times} times, is not known to this version"));
    Ok(std::iter::once(words).chain(unknown).collect::<Vec<_>>().join("; "))
}

/// The date in the root element.
fn release(text: &str) -> Option<String> {
    let root = text.split_once("<JDBOR")?.1.split_once('>')?.0;
    let date = root.split_once(" date=\"")?.1.split_once('"')?.0;
    Some(date.split(' ').next().unwrap_or(date).to_owned()).filter(|date| !date.is_empty())
}

fn disorders(text: &str) -> Result<Vec<Disorder>, (usize, String)> {
    let mut found = Vec::new();
    let (mut disorder, mut gene) = (Disorder::default(), Gene::default());
    let (mut reference, mut term, mut excluded) = (String::new(), String::new(), false);
    walk(text, |path, text| {
        match path {
            [.., "Disorder", "OrphaCode"] => text.clone_into(&mut disorder.code),
            [.., "Disorder", "Name"] => text.clone_into(&mut disorder.name),
            [.., "TypeOfInheritance", "Name"] => disorder.types.push(text.to_owned()),
            [.., "Gene", "Symbol"] => text.clone_into(&mut gene.symbol),
            [.., "ExternalReference", "Source"] => text.clone_into(&mut reference),
            [.., "Gene", "ExternalReferenceList", "ExternalReference", "Reference"] if reference == "HGNC" => {
                text.clone_into(&mut gene.hgnc);
            }
            [.., "DisorderGeneAssociationType", "Name"] => text.clone_into(&mut gene.association),
            [.., "DisorderGeneAssociation"] => disorder.genes.push(std::mem::take(&mut gene)),
            [.., "HPO", "HPOId"] => text.clone_into(&mut term),
            [.., "HPOFrequency", "Name"] => excluded = text.starts_with("Excluded"),
            [.., "HPODisorderAssociation"] => {
                let term = std::mem::take(&mut term);
                if !std::mem::take(&mut excluded) {
                    disorder.terms.push(term);
                }
            }
            [.., "Disorder"] => {
                let done = std::mem::take(&mut disorder);
                if done.code.is_empty() || !done.code.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(format!("OrphaCode: `{}` is not a number", done.code));
                }
                found.push(done);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

/// Goes through a document and hands over each element at its end: the names from the root to it, and its text. Entities
/// that the document defines itself are not resolved, so they cannot grow.
fn walk(text: &str, mut at_end: impl FnMut(&[&str], &str) -> Result<(), String>) -> Result<(), (usize, String)> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut path: Vec<String> = Vec::new();
    let mut content = String::new();
    let mut opened = false;
    loop {
        let event = reader.read_event();
        let at = usize::try_from(reader.buffer_position().max(reader.error_position())).unwrap_or(text.len());
        let wrong = |reason: String| (line_of(text, at), reason);
        match event.map_err(|error| wrong(error.to_string()))? {
            Event::Start(element) => {
                path.push(element.name().as_ref().to_owned());
                content.clear();
                opened = true;
                if path.len() > DEEPEST {
                    return Err(wrong(format!("more than {DEEPEST} elements within each other")));
                }
            }
            Event::End(_) => {
                let names: Vec<&str> = path.iter().map(String::as_str).collect();
                at_end(&names, content.trim()).map_err(wrong)?;
                path.pop();
                content.clear();
            }
            Event::Text(words) => content.push_str(&words.xml10_content()),
            Event::CData(words) => content.push_str(&words.xml10_content()),
            Event::GeneralRef(entity) => {
                let number = entity.resolve_char_ref().map_err(|error| wrong(error.to_string()))?;
                match (number, resolve_predefined_entity(&entity)) {
                    (Some(sign), _) => content.push(sign),
                    (None, Some(signs)) => content.push_str(signs),
                    (None, None) => return Err(wrong(format!("entity `&{};` is not known", &*entity))),
                }
            }
            Event::Eof if path.is_empty() && opened => return Ok(()),
            Event::Eof => return Err(wrong("the file ends within an element: it is cut short".to_owned())),
            _ => {}
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].split(|byte| *byte == b'\n').count()
}

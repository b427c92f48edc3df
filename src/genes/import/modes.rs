//! Modes of inheritance as ontologies name them, and as panel files and filters abbreviate them.

/// Abbreviations in the order they are shown.
pub(super) const MODELS: [&str; 10] =
    ["AD", "AR", "XL", "XD", "XR", "Y", "MT", "digenic", "polygenic", "multifactorial"];

/// Terms below "Mode of inheritance" (HP:0000005) of the Human Phenotype Ontology, with identifiers it has merged into
/// them. A term that is a kind of another has that one's model. Terms that say how often or in whom a disease shows
/// (sporadic, somatic, de novo, penetrance, anticipation, limited to one sex) are no models; some of them once were kinds of
/// autosomal dominant and are not any more.
const TERMS: [(&str, &[&str]); 30] = [
    ("HP:0000006", &["AD"]),
    ("HP:0001415", &["AD"]),
    ("HP:0001447", &["AD"]),
    ("HP:0001448", &["AD"]),
    ("HP:0001451", &["AD"]),
    ("HP:0001455", &["AD"]),
    ("HP:0001456", &["AD"]),
    ("HP:0001463", &["AD"]),
    ("HP:0001452", &["AD"]), // contiguous gene syndrome
    ("HP:0012274", &["AD"]), // with paternal imprinting
    ("HP:0012275", &["AD"]), // with maternal imprinting
    ("HP:0000007", &["AR"]),
    ("HP:0001416", &["AR"]),
    ("HP:0001526", &["AR"]),
    ("HP:0031362", &["AR"]),       // sex-limited
    ("HP:0032113", &["AD", "AR"]), // semidominant: one copy harms less than two
    ("HP:0001417", &["XL"]),
    ("HP:0001418", &["XL"]),
    ("HP:0001423", &["XD"]),
    ("HP:0001419", &["XR"]),
    ("HP:0001450", &["Y"]),
    ("HP:0001427", &["MT"]),
    ("HP:0001431", &["MT"]),
    ("HP:0001458", &["MT"]),
    ("HP:0001506", &["MT"]),
    ("HP:0010984", &["digenic"]),
    ("HP:0010982", &["polygenic"]),
    ("HP:0001426", &["multifactorial"]),
    ("HP:0001429", &["multifactorial"]),
    ("HP:0010983", &["multifactorial"]), // oligogenic
];

/// "Type of inheritance" of Orphadata's product 9, in lower case.
const ORPHANET: [(&str, &[&str]); 15] = [
    ("autosomal dominant", &["AD"]),
    ("autosomal recessive", &["AR"]),
    ("semi-dominant", &["AD", "AR"]),
    ("x-linked", &["XL"]),
    ("x-linked dominant", &["XD"]),
    ("x-linked recessive", &["XR"]),
    ("y-linked", &["Y"]),
    ("mitochondrial inheritance", &["MT"]),
    ("oligogenic", &["multifactorial"]),
    ("multigenic/multifactorial", &["multifactorial"]),
    // No models, but known words.
    ("no data available", &[]),
    ("not applicable", &[]),
    ("not yet documented", &[]),
    ("sporadic", &[]),
    ("unknown", &[]),
];

/// The models that a term of the Human Phenotype Ontology stands for; none if it is no mode of inheritance.
pub(super) fn of_term(term: &str) -> &'static [&'static str] {
    TERMS.iter().find(|(known, _)| *known == term).map_or(&[], |(_, models)| models)
}

/// The models that Orphanet's words stand for; `None` for words this version does not know.
pub(super) fn of_orphanet(words: &str) -> Option<&'static [&'static str]> {
    let words = words.trim().to_lowercase();
    ORPHANET.iter().find(|(known, _)| *known == words).map(|(_, models)| *models)
}

/// Where a model stands among the others.
pub(super) fn place(model: &str) -> usize {
    MODELS.iter().position(|known| *known == model).unwrap_or(MODELS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_one_that_filters_know() {
        for (name, models) in TERMS.iter().chain(&ORPHANET) {
            for model in *models {
                assert!(
                    crate::variants::columns::Filter::parse(&[("gene_model".to_owned(), (*model).to_owned())]).is_ok(),
                    "{name}: {model}"
                );
                assert!(MODELS.contains(model), "{name}: {model}");
            }
        }
        assert_eq!(of_orphanet(" X-linked recessive"), Some(&["XR"][..]));
        assert_eq!((of_orphanet("by post"), of_term("HP:0003829")), (None, &[][..]));
    }
}

//! REF and ALT: which texts are alleles, and what annotation programs call them.

use std::borrow::Cow;

/// Whether a text is made of bases; N counts, other IUPAC codes do not.
pub(super) fn is_bases(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|base| matches!(base.to_ascii_uppercase(), b'A' | b'C' | b'G' | b'T' | b'N'))
}

/// Whether a text is made of bases or IUPAC codes for several bases.
pub(super) fn is_iupac(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|base| b"ACGTNRYSWKMBDHV".contains(&base.to_ascii_uppercase()))
}

/// Whether a text can stand in ALT: bases, `*`, `.`, a symbol, a breakend or a single breakend.
pub(super) fn is_alternative(text: &str) -> bool {
    if is_bases(text) || matches!(text, "*" | ".") {
        return true;
    }
    if let Some(symbol) = text.strip_prefix('<') {
        return symbol.strip_suffix('>').is_some_and(is_symbol_name);
    }
    if let Some(bases) = text.strip_prefix('.').or_else(|| text.strip_suffix('.')) {
        return is_bases(bases);
    }
    is_breakend(text)
}

fn is_symbol_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['<', '>', ',']) && !name.chars().any(char::is_whitespace)
}

/// `t[p[`, `t]p]`, `]p]t`, `[p[t`, and `t<ctg>` for an insertion of an assembled contig (VCF 4.3, section 5.4).
fn is_breakend(text: &str) -> bool {
    if let Some((bases, contig)) = text.split_once('<')
        && let Some(contig) = contig.strip_suffix('>')
        && !text.contains(['[', ']'])
    {
        return is_bases(bases) && is_symbol_name(contig);
    }
    let Some(first) = text.find(['[', ']']) else { return false };
    let bracket = text.as_bytes()[first] as char;
    let Some(second) = text[first + 1..].find(['[', ']']).map(|at| first + 1 + at) else { return false };
    if text.as_bytes()[second] as char != bracket {
        return false;
    }
    let (before, mate, after) = (&text[..first], &text[first + 1..second], &text[second + 1..]);
    let bases_ok = (is_bases(before) && after.is_empty()) || (before.is_empty() && is_bases(after));
    let mate_ok = mate.rsplit_once(':').is_some_and(|(contig, position)| {
        !contig.is_empty()
            && !contig.chars().any(char::is_whitespace)
            && !position.is_empty()
            && position.bytes().all(|byte| byte.is_ascii_digit())
    });
    bases_ok && mate_ok
}

/// How programs name the ALTs of one record.
///
/// VEP drops the base that all alleles share when one of them is no substitution, and calls nothing `-`; with
/// `--minimal` it trims each allele by itself; for symbols it uses words. `SnpEff` writes ALT as it is.
pub(super) struct AlleleNames<'a> {
    tiers: Vec<Vec<Cow<'a, str>>>,
    sequences: bool,
}

/// Whose annotation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// ALT of this number, counted from 1.
    Allele(u16),
    /// None or several of the ALTs.
    Unclear,
}

impl<'a> AlleleNames<'a> {
    pub(super) fn new(reference: &'a str, alternatives: &[&'a str]) -> Self {
        let sequences: Vec<&str> = alternatives.iter().copied().filter(|alt| is_bases(alt)).collect();
        let substitution = reference.len() == 1 && sequences.iter().all(|alt| alt.len() == 1);
        let first = reference.as_bytes().first();
        let shared =
            !substitution && !sequences.is_empty() && sequences.iter().all(|alt| alt.as_bytes().first() == first);
        let one = |alt: &'a str, name: &dyn Fn(&'a str) -> Cow<'a, str>| {
            if is_bases(alt) { name(alt) } else { Cow::Borrowed(alt) }
        };
        let tier = |name: &dyn Fn(&'a str) -> Cow<'a, str>| alternatives.iter().map(|alt| one(alt, name)).collect();
        let mut tiers: Vec<Vec<Cow<'a, str>>> = Vec::with_capacity(6);
        if shared {
            tiers.push(tier(&|alt| Cow::Borrowed(or_dash(&alt[1..]))));
        }
        tiers.push(tier(&|alt| Cow::Borrowed(alt)));
        if !substitution {
            tiers.push(tier(&|alt| {
                Cow::Borrowed(if alt.as_bytes().first() == first { or_dash(&alt[1..]) } else { alt })
            }));
            tiers.push(tier(&|alt| Cow::Borrowed(or_dash(minimal(reference, alt, true)))));
            tiers.push(tier(&|alt| Cow::Borrowed(or_dash(minimal(reference, alt, false)))));
        }
        if sequences.len() < alternatives.len() {
            tiers.push(alternatives.iter().map(|alt| Cow::Borrowed(word(alt))).collect());
        }
        Self { tiers, sequences: sequences.len() == alternatives.len() }
    }

    /// The ALT that a program means by `text`; `number` is VEP's `ALLELE_NUM`, which counts ALTs at the time of
    /// annotation and is therefore only asked when the text leaves several records' alleles open.
    pub(super) fn owner(&self, text: &str, number: Option<u16>) -> Owner {
        let alternatives = self.tiers.first().map_or(0, Vec::len);
        for tier in &self.tiers {
            let mut matches = (1_u16..).zip(tier).filter(|(_, name)| name.eq_ignore_ascii_case(text));
            if let Some((allele, _)) = matches.next()
                && matches.next().is_none()
            {
                return Owner::Allele(allele);
            }
        }
        match number {
            Some(number) if alternatives > 1 && (1..=alternatives).contains(&usize::from(number)) => {
                Owner::Allele(number)
            }
            _ => Owner::Unclear,
        }
    }

    /// Whether a record of one ALT may take an annotation whose allele text names no sequence (`insertion`).
    pub(super) fn accepts_word(&self, text: &str) -> bool {
        !self.sequences || !(is_bases(text) || matches!(text, "-" | "*"))
    }
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// What is left of `alternative` when shared ends are removed, the left end first or the right end first.
fn minimal<'a>(reference: &str, alternative: &'a str, left_first: bool) -> &'a str {
    let shared = |mut a: std::str::Bytes<'_>, mut b: std::str::Bytes<'_>, from_left: bool| {
        let mut n = 0;
        loop {
            let pair = if from_left { (a.next(), b.next()) } else { (a.next_back(), b.next_back()) };
            match pair {
                (Some(x), Some(y)) if x.eq_ignore_ascii_case(&y) => n += 1,
                _ => return n,
            }
        }
    };
    let (mut reference, mut alternative) = (reference, alternative);
    for left in [left_first, !left_first] {
        let n = shared(reference.bytes(), alternative.bytes(), left);
        if left {
            (reference, alternative) = (&reference[n..], &alternative[n..]);
        } else {
            (reference, alternative) = (&reference[..reference.len() - n], &alternative[..alternative.len() - n]);
        }
    }
    alternative
}

/// VEP's word for a symbolic allele.
fn word(alternative: &str) -> &str {
    let name = alternative.trim_start_matches('<').trim_end_matches('>');
    match name.split(':').next().unwrap_or(name) {
        "DEL" => "deletion",
        "DUP" => "duplication",
        "INS" => "insertion",
        "INV" => "inversion",
        "CNV" => "copy_number_variation",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_are_told_from_rubbish() {
        for text in [
            "A",
            "acgtn",
            "*",
            ".",
            "<DEL>",
            "<*>",
            "<DEL:ME:ALU>",
            "]1:100]AGT",
            "AGT[chr2:9[",
            ".A",
            "A.",
            "C<ctg1>",
            "G[HLA-A*01:01:7[",
            "T[<ctg1>:5[",
        ] {
            assert!(is_alternative(text), "{text}");
        }
        for text in
            ["", "R", "A T", "<INS>BLAH>", "[1:100[", "<>", "A[1:100]", "A]1]", "<A,B>", "A[1:x[", "..", "A[", "é"]
        {
            assert!(!is_alternative(text), "{text}");
        }
    }

    #[test]
    fn vep_names_lead_back_to_the_allele() {
        for (reference, alternatives, text, expected) in [
            ("T", vec!["TC"], "C", Owner::Allele(1)),
            ("TC", vec!["T"], "-", Owner::Allele(1)),
            ("C", vec!["A"], "A", Owner::Allele(1)),
            ("C", vec!["A"], "G", Owner::Unclear),
            ("C", vec!["A", "T"], "T", Owner::Allele(2)),
            ("T", vec!["TC", "C"], "C", Owner::Allele(2)),
            ("TA", vec!["TAC", "TC"], "C", Owner::Allele(2)),
            ("TA", vec!["TAC", "TC"], "AC", Owner::Allele(1)),
            ("CAA", vec!["C", "CA"], "-", Owner::Allele(1)),
            ("CAA", vec!["C", "CA"], "A", Owner::Allele(2)),
            ("C", vec!["T", "*"], "*", Owner::Allele(2)),
            ("CT", vec!["C", "*"], "-", Owner::Allele(1)),
            ("C", vec!["<DEL>", "<DUP>"], "duplication", Owner::Allele(2)),
            ("TTC", vec!["TAC"], "A", Owner::Allele(1)),
            ("TTC", vec!["TAC"], "AC", Owner::Allele(1)),
        ] {
            let names = AlleleNames::new(reference, &alternatives);
            assert_eq!(names.owner(text, None), expected, "{reference}>{alternatives:?} as {text}");
        }
    }

    #[test]
    fn the_number_decides_only_where_the_text_does_not() {
        let names = AlleleNames::new("C", &["A", "T"]);
        assert_eq!(names.owner("T", Some(1)), Owner::Allele(2));
        assert_eq!(names.owner("?", Some(1)), Owner::Allele(1));
        assert_eq!(names.owner("?", Some(3)), Owner::Unclear);
        assert_eq!(AlleleNames::new("C", &["A"]).owner("T", Some(1)), Owner::Unclear);
    }

    #[test]
    fn words_serve_single_alleles_only_where_no_sequence_contradicts() {
        assert!(AlleleNames::new("C", &["CTCTG"]).accepts_word("insertion"));
        assert!(!AlleleNames::new("C", &["A"]).accepts_word("T"));
        assert!(AlleleNames::new("C", &["<DEL>"]).accepts_word("-"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(
            text in "[ACGTacgtn<>\\[\\]:.*,0-9é ]{0,12}",
            reference in "[ACGT]{1,5}", alternatives in proptest::collection::vec("[ACGT]{1,5}|<DEL>|\\*", 1..4),
        ) {
            let _ = is_alternative(&text);
            let alternatives: Vec<&str> = alternatives.iter().map(String::as_str).collect();
            let _ = AlleleNames::new(&reference, &alternatives).owner(&text, Some(1));
        }
    }
}

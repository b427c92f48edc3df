//! Sample columns: genotypes, depths and qualities, per allele.

use super::error::{Faults, quote};
use super::header::{FormatFacts, Keys, Kind, Number};
use super::info::{counted, finite};
use super::model::{Call, Zygosity};
use super::zygosity;

/// The FORMAT keys that are read.
const ROLES: [&str; 9] = ["GT", "AD", "DP", "GQ", "AF", "PS", "RO", "AO", "VD"];
const GT: usize = 0;
const AD: usize = 1;
const DP: usize = 2;
const GQ: usize = 3;
const AF: usize = 4;
const PS: usize = 5;
const RO: usize = 6;
const AO: usize = 7;
const VD: usize = 8;

/// FORMAT of a record, worked out once and kept while records repeat it.
#[derive(Debug, Default)]
pub(super) struct Layout {
    text: String,
    keys: Vec<Key>,
    problems: Vec<(String, String)>,
}

#[derive(Debug)]
struct Key {
    name: String,
    role: Option<usize>,
    facts: Option<FormatFacts>,
}

impl Layout {
    /// Takes the FORMAT column of the next record.
    pub(super) fn update(&mut self, text: &str, keys: &Keys, faults: &mut Faults) {
        if self.text != text {
            self.read(text, keys);
        }
        for (field, message) in &self.problems {
            faults.push(field.clone(), message.clone());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    fn read(&mut self, text: &str, keys: &Keys) {
        text.clone_into(&mut self.text);
        self.keys.clear();
        self.problems.clear();
        if matches!(text, "" | ".") {
            return;
        }
        for (at, name) in text.split(':').enumerate() {
            let facts = keys.format.get(name).copied();
            let mut problem = |message: &str| {
                self.problems.push((format!("FORMAT/{}", quote(name).trim_matches('`')), message.to_owned()));
            };
            if name == "GT" && at > 0 {
                problem("GT must be the first key");
            }
            if facts.is_none_or(|facts| !facts.declared) && !is_key(name, keys.version) {
                problem("the key has characters that are not allowed");
            }
            let repeated = self.keys.iter().any(|known| known.name == name);
            if repeated {
                problem("the key is given twice; the first value counts");
            }
            let role = ROLES.iter().position(|role| *role == name).filter(|_| !repeated);
            self.keys.push(Key { name: name.to_owned(), role, facts });
        }
    }
}

fn is_key(name: &str, version: (u8, u8)) -> bool {
    if version < (4, 3) {
        return !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    }
    name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte))
}

/// One sample column, split.
pub(super) struct Sample<'a> {
    values: [Option<&'a str>; ROLES.len()],
}

/// What the samples of a record are read against.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// ALTs, at least 1.
    pub(super) alternatives: u16,
    /// ALT is `.`: programs count it as one allele or as none.
    pub(super) no_alternative: bool,
}

impl<'a> Sample<'a> {
    /// Splits a column and checks it against FORMAT and the header.
    pub(super) fn parse(text: &'a str, name: &str, layout: &Layout, shape: Shape, faults: &mut Faults) -> Self {
        let mut sample = Self { values: [None; ROLES.len()] };
        if layout.keys.is_empty() {
            return sample;
        }
        if text.is_empty() {
            faults.push(format!("sample {name}"), "the column is empty; it must be `.` when there is nothing");
            return sample;
        }
        let mut ploidy = Some(2);
        for (at, value) in text.split(':').enumerate() {
            let Some(key) = layout.keys.get(at) else {
                faults
                    .push(format!("sample {name}"), "there are more values than FORMAT has keys; the rest is ignored");
                break;
            };
            if value == "." && key.role != Some(GT) {
                continue;
            }
            if key.role == Some(GT) {
                ploidy = sample.genotype(value, name, shape, faults);
                continue;
            }
            check(key, value, name, shape, ploidy, faults);
            if let Some(role) = key.role {
                sample.values[role] = Some(value).filter(|value| !value.is_empty());
            }
        }
        sample
    }

    /// Takes GT; returns the ploidy, `None` when it is not known.
    fn genotype(&mut self, value: &'a str, name: &str, shape: Shape, faults: &mut Faults) -> Option<u32> {
        let Some(alleles) = zygosity::alleles(value) else {
            faults.push(format!("sample {name}, GT"), format!("{} is not a genotype; taken as missing", quote(value)));
            return None;
        };
        let (mut ploidy, mut highest) = (0, 0);
        for allele in alleles {
            ploidy += 1;
            highest = highest.max(allele.unwrap_or(0));
        }
        if highest > shape.alternatives {
            faults.push(
                format!("sample {name}, GT"),
                format!(
                    "{} names allele {highest} and the record has {}; kept as written",
                    quote(value),
                    counted(usize::from(shape.alternatives), "alternative allele")
                ),
            );
        }
        self.values[GT] = Some(value);
        Some(ploidy).filter(|_| value != ".")
    }

    /// What the sample says about ALT number `allele`.
    pub(super) fn call(&self, allele: u16, name: &str, shape: Shape, faults: &mut Faults) -> Call {
        let genotype = self.values[GT];
        let depths = self.depths(allele, name, shape, faults);
        let depth = self.values[DP].and_then(|text| count(text, "DP", name, faults)).or(depths.total);
        let alt_fraction = match (depths.alternative, depths.total) {
            (Some(own), Some(total)) if total > 0 => Some(f64::from(own) / f64::from(total)),
            _ => self.values[AF].and_then(|text| Self::fraction(text, allele, name, shape, faults)),
        };
        let genotype_quality = self.values[GQ].and_then(|text| {
            let number = finite(text);
            if number.is_none() {
                faults.push_once(
                    &format!("sample {name}, GQ"),
                    format!("{} is not a number; taken as missing", quote(text)),
                );
            }
            number
        });
        Call {
            genotype: genotype.map(str::to_owned),
            zygosity: genotype.map_or(Zygosity::NoCall, |text| Zygosity::of(text, allele)),
            ref_depth: depths.reference,
            alt_depth: depths.alternative,
            depth,
            alt_fraction,
            genotype_quality,
            phase_set: self.values[PS].map(str::to_owned),
        }
    }

    fn depths(&self, allele: u16, name: &str, shape: Shape, faults: &mut Faults) -> Depths {
        let alternatives = usize::from(shape.alternatives);
        if let Some(text) = self.values[AD] {
            let parts = text.split(',').count();
            if parts == alternatives + 1 || (shape.no_alternative && parts == 1) {
                let depths: Vec<Option<u32>> = text.split(',').map(|part| count(part, "AD", name, faults)).collect();
                let known = depths.iter().copied().collect::<Option<Vec<u32>>>();
                return Depths {
                    reference: depths.first().copied().flatten(),
                    alternative: depths.get(usize::from(allele)).copied().flatten(),
                    total: known.and_then(|all| all.iter().try_fold(0_u32, |sum, &n| sum.checked_add(n))),
                };
            }
            faults.push_once(
                &format!("sample {name}, AD"),
                format!(
                    "ambiguous allele: {} for the reference and {}; not assigned",
                    counted(parts, "depth"),
                    counted(alternatives, "alternative allele")
                ),
            );
            return Depths::default();
        }
        if let Some(observed) = self.values[AO].filter(|text| text.split(',').count() == alternatives) {
            let depths: Vec<Option<u32>> = observed.split(',').map(|part| count(part, "AO", name, faults)).collect();
            let reference = self.values[RO].and_then(|text| count(text, "RO", name, faults));
            let total = depths.iter().copied().chain([reference]).try_fold(0_u32, |sum, n| sum.checked_add(n?));
            return Depths { reference, alternative: depths.get(usize::from(allele) - 1).copied().flatten(), total };
        }
        // VarDict counts reads with the variant only, so neither the reference nor a fraction follows from it
        let alternative =
            self.values[VD].filter(|_| alternatives == 1).and_then(|text| count(text, "VD", name, faults));
        Depths { alternative, ..Depths::default() }
    }

    fn fraction(text: &str, allele: u16, name: &str, shape: Shape, faults: &mut Faults) -> Option<f64> {
        let parts = text.split(',').count();
        let field = || format!("sample {name}, AF");
        if parts != usize::from(shape.alternatives) {
            let alleles = counted(usize::from(shape.alternatives), "alternative allele");
            faults.push_once(
                &field(),
                format!("ambiguous allele: {} for {alleles}; not assigned", counted(parts, "fraction")),
            );
            return None;
        }
        let own = text.split(',').nth(usize::from(allele) - 1).filter(|part| *part != ".")?;
        let number = finite(own).filter(|number| (0.0..=1.0).contains(number));
        if number.is_none() {
            faults.push_once(&field(), format!("{} is not a fraction from 0 to 1; taken as missing", quote(own)));
        }
        number
    }
}

/// Reads with each allele.
#[derive(Debug, Clone, Copy, Default)]
struct Depths {
    reference: Option<u32>,
    alternative: Option<u32>,
    total: Option<u32>,
}

fn count(text: &str, key: &str, name: &str, faults: &mut Faults) -> Option<u32> {
    if text == "." {
        return None;
    }
    let number = text.parse().ok().filter(|_| !text.starts_with('+'));
    if number.is_none() {
        faults.push_once(
            &format!("sample {name}, {key}"),
            format!("{} is not a number of reads; taken as missing", quote(text)),
        );
    }
    number
}

/// Number and type of a value. Keys that are read are checked again, more closely, where they are read.
fn check(key: &Key, value: &str, name: &str, shape: Shape, ploidy: Option<u32>, faults: &mut Faults) {
    let Some(facts) = key.facts else { return };
    let field = || format!("sample {name}, {}", key.name);
    let read = key.role.is_some();
    if !(read && matches!(key.role, Some(AD | AF))) && key.name != "GLE" {
        let found = value.bytes().filter(|&byte| byte == b',').count() as u64 + 1;
        let n = u64::from(shape.alternatives);
        let expected = |n: u64| match facts.number {
            Some(Number::Count(count)) if count > 0 => Some(u64::from(count)),
            Some(Number::A) => Some(n),
            Some(Number::R) => Some(n + 1),
            Some(Number::G) => ploidy.and_then(|ploidy| genotypes(n, u64::from(ploidy))),
            _ => None,
        };
        if let Some(wanted) = expected(n)
            && found != wanted
            && !(value == "." || shape.no_alternative && expected(n - 1) == Some(found))
        {
            // other samples of the record mostly have the same fault
            let found = counted(usize::try_from(found).unwrap_or(usize::MAX), "value");
            faults.push_once(&format!("FORMAT/{}", key.name), format!("{found} instead of {wanted} in a sample"));
        }
    }
    if read && key.role != Some(AF) {
        return;
    }
    let bad = match facts.kind {
        Some(Kind::Integer) => value.split(',').find(|part| *part != "." && part.parse::<i32>().is_err()),
        Some(Kind::Float) => value.split(',').find(|part| *part != "." && part.parse::<f64>().is_err()),
        Some(Kind::Character) => value.split(',').find(|part| part.chars().count() != 1),
        _ => None,
    };
    if let (Some(part), Some(kind)) = (bad, facts.kind) {
        faults.push(field(), format!("{} is not of type {}", quote(part), kind.as_str()));
    }
}

/// How many genotypes `n` ALTs and the reference can form: (n + ploidy) choose ploidy (VCF 4.3, section 1.6.2, GL).
fn genotypes(n: u64, ploidy: u64) -> Option<u64> {
    let mut product: u64 = 1;
    for k in 1..=ploidy {
        product = product.checked_mul(n + k)? / k;
    }
    Some(product)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genotypes_are_counted_for_any_ploidy() {
        for (n, ploidy, expected) in [(1, 1, 2), (1, 2, 3), (2, 2, 6), (2, 3, 10), (3, 2, 10), (0, 2, 1)] {
            assert_eq!(genotypes(n, ploidy), Some(expected), "{n} {ploidy}");
        }
        assert_eq!(genotypes(u64::MAX / 2, 3), None);
    }
}

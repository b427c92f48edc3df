use std::fmt::Write as _;

use super::DemoError;
use super::teaching::{Sex, TeachingCase};

/// One sample of the family. Two samples of one person are two entries.
#[derive(Debug)]
pub(super) struct Sample<'a> {
    pub member: &'a str,
    pub id: String,
    pub name: String,
    pub sex: Sex,
    pub affected: bool,
    /// Index of the father in [`Family::samples`].
    pub father: Option<usize>,
    /// Index of the mother in [`Family::samples`].
    pub mother: Option<usize>,
    /// Index of the sample this one shares its person with.
    pub same_as: Option<usize>,
    pub tissue: &'a str,
}

/// The samples of a case, in the order of the load configuration.
#[derive(Debug)]
pub(super) struct Family<'a> {
    pub id: &'a str,
    pub samples: Vec<Sample<'a>>,
    /// Indexes into `samples` in the order of the VCF's columns.
    pub columns: Vec<usize>,
}

impl<'a> Family<'a> {
    pub fn of(case: &'a TeachingCase) -> Result<Self, DemoError> {
        let index = |member: &str| {
            case.people
                .iter()
                .position(|person| person.member == member)
                .ok_or_else(|| DemoError::UnknownMember { case: case.key.clone(), member: member.to_owned() })
        };
        let optional = |member: &Option<String>| member.as_deref().map(index).transpose();
        let mut samples = Vec::with_capacity(case.people.len());
        for person in &case.people {
            let suffix = match person.member.as_str() {
                "father" => "f",
                "mother" => "m",
                _ if person.same_as.is_some() => "p2",
                _ => "p",
            };
            samples.push(Sample {
                member: &person.member,
                id: format!("{}-{suffix}", case.family),
                name: format!("{}-{}", case.family_name, suffix.to_uppercase()),
                sex: person.sex,
                affected: person.affected,
                father: optional(&person.father)?,
                mother: optional(&person.mother)?,
                same_as: optional(&person.same_as)?,
                tissue: &person.tissue,
            });
        }
        let columns = case.vcf_order.iter().map(|member| index(member)).collect::<Result<_, _>>()?;
        Ok(Self { id: &case.family, samples, columns })
    }

    /// Indexes of the samples that stand for a person of their own.
    pub fn people(&self) -> impl Iterator<Item = usize> {
        (0..self.samples.len()).filter(|&at| self.samples[at].same_as.is_none())
    }

    /// Indexes of the people without parents in the family.
    pub fn founders(&self) -> Vec<usize> {
        self.people().filter(|&at| self.samples[at].father.is_none() && self.samples[at].mother.is_none()).collect()
    }

    /// The pedigree in PLINK's six columns.
    pub fn ped(&self) -> String {
        let mut text = "#Family ID\tIndividual ID\tPaternal ID\tMaternal ID\tSex\tPhenotype\n".to_owned();
        let id = |at: Option<usize>| at.map_or("0", |at| self.samples[at].id.as_str());
        for sample in &self.samples {
            let sex = if sample.sex == Sex::Male { 1 } else { 2 };
            let phenotype = if sample.affected { 2 } else { 1 };
            let (father, mother) = (id(sample.father), id(sample.mother));
            let _ = writeln!(text, "{}\t{}\t{father}\t{mother}\t{sex}\t{phenotype}", self.id, sample.id);
        }
        text
    }
}

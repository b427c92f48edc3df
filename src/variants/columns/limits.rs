//! What filters limit and sort into bands: numbers, SPIDEX, decisions.

use super::table::Columns;

/// A limit on a number. All are inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// gnomAD, all populations.
    Gnomad,
    /// gnomAD, highest population.
    GnomadPopmax,
    /// ExAC.
    Exac,
    /// 1000 Genomes.
    ThousandGenomes,
    /// SweGen.
    Swegen,
    /// Observations in the laboratory's archive, as the file says.
    LocalObs,
    /// CADD.
    Cadd,
    /// REVEL.
    Revel,
    /// SpliceAI.
    Spliceai,
    /// Rank score.
    RankScore,
}

impl Limit {
    /// All limits.
    pub const ALL: [Self; 10] = [
        Self::Gnomad,
        Self::GnomadPopmax,
        Self::Exac,
        Self::ThousandGenomes,
        Self::Swegen,
        Self::LocalObs,
        Self::Cadd,
        Self::Revel,
        Self::Spliceai,
        Self::RankScore,
    ];

    /// Parameter name.
    #[must_use]
    pub fn parameter(self) -> &'static str {
        match self {
            Self::Gnomad => "gnomad_af_max",
            Self::GnomadPopmax => "gnomad_popmax_max",
            Self::Exac => "exac_max",
            Self::ThousandGenomes => "thousand_genomes_max",
            Self::Swegen => "swegen_max",
            Self::LocalObs => "local_obs_max",
            Self::Cadd => "cadd_min",
            Self::Revel => "revel_min",
            Self::Spliceai => "spliceai_min",
            Self::RankScore => "rank_score_min",
        }
    }

    /// For people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Gnomad => "gnomAD frequency",
            Self::GnomadPopmax => "gnomAD frequency in the highest population",
            Self::Exac => "ExAC frequency",
            Self::ThousandGenomes => "1000 Genomes frequency",
            Self::Swegen => "SweGen frequency",
            Self::LocalObs => "local observations",
            Self::Cadd => "CADD",
            Self::Revel => "REVEL",
            Self::Spliceai => "SpliceAI",
            Self::RankScore => "rank score",
        }
    }

    /// Whether the limit is an upper one.
    #[must_use]
    pub fn is_maximum(self) -> bool {
        !matches!(self, Self::Cadd | Self::Revel | Self::Spliceai | Self::RankScore)
    }

    /// Whether values are fractions from 0 to 1.
    pub(super) fn is_fraction(self) -> bool {
        !matches!(self, Self::LocalObs | Self::Cadd | Self::RankScore)
    }

    pub(super) fn values(self, columns: &Columns) -> &[f64] {
        let numbers = &columns.numbers;
        match self {
            Self::Gnomad => &numbers.gnomad,
            Self::GnomadPopmax => &numbers.gnomad_popmax,
            Self::Exac => &numbers.exac,
            Self::ThousandGenomes => &numbers.thousand_genomes,
            Self::Swegen => &numbers.swegen,
            Self::LocalObs => &numbers.local_obs,
            Self::Cadd => &numbers.cadd,
            Self::Revel => &numbers.revel,
            Self::Spliceai => &numbers.spliceai,
            Self::RankScore => &numbers.rank_score,
        }
    }

    /// Whether a value that is there is within the limit.
    #[must_use]
    pub fn admits(self, value: f64, limit: f64) -> bool {
        if self.is_maximum() { value <= limit } else { value >= limit }
    }
}

/// What to do with rows people dismissed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum People {
    /// Show them dimmed.
    #[default]
    Show,
    /// Leave them out.
    Hide,
    /// Only them.
    Only,
}

/// Bands of the absolute SPIDEX value: low up to 1, medium up to 2, high above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpidexBand {
    /// No value.
    NotReported,
    /// 0 to 1.
    Low,
    /// Above 1, to 2.
    Medium,
    /// Above 2.
    High,
}

impl SpidexBand {
    /// All bands.
    pub const ALL: [Self; 4] = [Self::NotReported, Self::Low, Self::Medium, Self::High];

    /// The word in filters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotReported => "not_reported",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The band of a value.
    #[must_use]
    pub fn of(value: Option<f64>) -> Self {
        match value.map(f64::abs) {
            None => Self::NotReported,
            Some(value) if value <= 1.0 => Self::Low,
            Some(value) if value <= 2.0 => Self::Medium,
            Some(_) => Self::High,
        }
    }
}

/// What passes the consequence and region clauses whatever its term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rescue {
    /// Exon variants of RNA genes with a disease.
    DiseaseRna,
    /// SpliceAI of at least [`NOTABLE_SPLICEAI`] anywhere in a gene.
    Spliceai,
}

impl Rescue {
    /// All rescues.
    pub const ALL: [Self; 2] = [Self::DiseaseRna, Self::Spliceai];

    /// The word in filters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DiseaseRna => "disease_rna",
            Self::Spliceai => "spliceai",
        }
    }
}

/// SpliceAI delta score from which splicing is likely altered (Jaganathan et al. 2019, the high-recall cut-off).
pub const NOTABLE_SPLICEAI: f64 = 0.2;

use super::bits::Bits;
use super::table::Columns;
use crate::genome::Chromosome;

/// What rows are ordered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// Rank, best first.
    #[default]
    Rank,
    /// Contig and position.
    Position,
    /// Symbol of the most severe gene.
    Gene,
    /// gnomAD frequency.
    Gnomad,
    /// CADD.
    Cadd,
    /// REVEL.
    Revel,
    /// SpliceAI.
    Spliceai,
}

/// Direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Small to great.
    Ascending,
    /// Great to small.
    Descending,
}

impl Order {
    /// The word in filters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }

    /// The other direction.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

impl Sort {
    /// All keys.
    pub const ALL: [Self; 7] =
        [Self::Rank, Self::Position, Self::Gene, Self::Gnomad, Self::Cadd, Self::Revel, Self::Spliceai];

    /// The word in filters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rank => "rank",
            Self::Position => "position",
            Self::Gene => "gene",
            Self::Gnomad => "gnomad",
            Self::Cadd => "cadd",
            Self::Revel => "revel",
            Self::Spliceai => "spliceai",
        }
    }

    /// The direction that puts the interesting ones first.
    #[must_use]
    pub fn usual_order(self) -> Order {
        match self {
            Self::Rank | Self::Position | Self::Gene | Self::Gnomad => Order::Ascending,
            Self::Cadd | Self::Revel | Self::Spliceai => Order::Descending,
        }
    }

    /// The rows of the set in this order; missing values come last, ties in rank order.
    #[must_use]
    pub fn rows(self, columns: &Columns, set: &Bits, order: Option<Order>) -> Vec<usize> {
        let mut rows: Vec<usize> = set.iter().collect();
        let order = order.unwrap_or_else(|| self.usual_order());
        let directed = |ordering: std::cmp::Ordering| match order {
            Order::Ascending => ordering,
            Order::Descending => ordering.reverse(),
        };
        match self {
            Self::Rank => {
                if order == Order::Descending {
                    rows.reverse();
                }
            }
            Self::Position => {
                let keys: Vec<Chromosome> =
                    rows.iter().map(|row| Chromosome::parse(columns.row(*row).chromosome())).collect();
                let mut keyed: Vec<(Chromosome, u32, usize)> =
                    keys.into_iter().zip(&rows).map(|(contig, row)| (contig, columns.positions[*row], *row)).collect();
                keyed.sort_by(|a, b| directed((&a.0, a.1).cmp(&(&b.0, b.1))).then(a.2.cmp(&b.2)));
                rows = keyed.into_iter().map(|(_, _, row)| row).collect();
            }
            Self::Gene => {
                let symbol = |row: usize| columns.row(row).genes().next().map_or("", |gene| gene.symbol);
                rows.sort_by(|a, b| match (symbol(*a), symbol(*b)) {
                    ("", "") => a.cmp(b),
                    ("", _) => std::cmp::Ordering::Greater,
                    (_, "") => std::cmp::Ordering::Less,
                    (first, second) => directed(first.cmp(second)).then(a.cmp(b)),
                });
            }
            Self::Gnomad => by_number(&mut rows, &columns.numbers.gnomad, directed),
            Self::Cadd => by_number(&mut rows, &columns.numbers.cadd, directed),
            Self::Revel => by_number(&mut rows, &columns.numbers.revel, directed),
            Self::Spliceai => by_number(&mut rows, &columns.numbers.spliceai, directed),
        }
        rows
    }
}

fn by_number(rows: &mut [usize], values: &[f64], directed: impl Fn(std::cmp::Ordering) -> std::cmp::Ordering) {
    rows.sort_by(|a, b| match (values[*a], values[*b]) {
        (first, second) if first.is_nan() && second.is_nan() => a.cmp(b),
        (first, _) if first.is_nan() => std::cmp::Ordering::Greater,
        (_, second) if second.is_nan() => std::cmp::Ordering::Less,
        (first, second) => directed(first.total_cmp(&second)).then(a.cmp(b)),
    });
}

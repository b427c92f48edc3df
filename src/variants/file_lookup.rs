//! Looks up in a case's own files what its list does not have. Blocking; bounded in time and bytes.

use std::fs::File;
use std::io::{self, BufRead as _, Cursor, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use noodles::bgzf;
use noodles::core::Position;
use noodles::core::region::Interval;
use noodles::csi::BinningIndex;

use super::identity::Identity;
use super::model::{Category, is_carrier, told_of};
use super::sought::Matcher;
use crate::cases::{Case, ListKind};
use crate::consent::{Told, Withheld};
use crate::genome::{Chromosome, Region};
use crate::ids::VariantId;
use crate::vcf::model::Allele;
use crate::vcf::{Limits, ReadOptions, VcfError, VcfReader};

/// Longest that reading a file from its beginning may take.
const LONGEST: Duration = Duration::from_secs(5);

/// Most bytes, as they are on disk, that are read of a file without an index.
const MOST_BYTES: u64 = 1 << 30;

/// Most bytes of text that an index may lead to; more is a range that is too wide to look through.
const MOST_INDEXED: usize = 64 << 20;

/// Alleles told of.
const MOST_ALLELES: usize = 50;

/// How a file was looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Its index led to the place.
    Index,
    /// It was read from the beginning.
    Reading,
}

/// What one file says.
#[derive(Debug, Clone, PartialEq)]
pub struct FileSays {
    /// Its name, without folders.
    pub name: String,
    /// How it was looked through; none when it could not be.
    pub by: Option<By>,
    /// Why nothing, or not everything, could be told.
    pub trouble: Option<Trouble>,
    /// Matching alleles.
    pub alleles: Vec<FileAllele>,
    /// There are more than told of.
    pub more: bool,
    /// Records passed on the way that cannot be read.
    pub unreadable: usize,
}

/// Why a file does not tell everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It is not where it was.
    Gone,
    /// It is there and cannot be read; a part may have been.
    Unreadable,
    /// It is too long to be read while somebody waits.
    TooLong,
}

/// An allele of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileAllele {
    /// What it would be in the list.
    pub id: VariantId,
    /// The allele.
    pub allele: Allele,
}

/// What is asked of a case's files.
pub struct Lookup {
    /// Whose files.
    pub list: ListKind,
    /// What is meant.
    pub matcher: Matcher,
    /// Where, when that is known.
    pub place: Option<Region>,
    /// Whether a file without an index is to be left alone.
    pub index_only: bool,
}

impl Lookup {
    /// Looks through all files of the list of small variants.
    #[must_use]
    pub fn run(&self, case: &Case) -> Vec<FileSays> {
        let started = Instant::now();
        case.files.small_variants(self.list).map(|path| self.file(case, &path, started)).collect()
    }

    fn file(&self, case: &Case, path: &Path, started: Instant) -> FileSays {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut says = FileSays { name, by: None, trouble: None, alleles: Vec::new(), more: false, unreadable: 0 };
        let options = ReadOptions {
            build: case.build,
            family_keys: vec![case.family.clone(), case.name.to_string()],
            limits: Limits::default(),
        };
        match path.metadata() {
            Ok(found) if found.is_file() => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => says.trouble = Some(Trouble::Gone),
            Ok(_) | Err(_) => says.trouble = Some(Trouble::Unreadable),
        }
        if says.trouble.is_some() {
            return says;
        }
        let indexed = self.place.as_ref().and_then(|place| Indexed::open(path).map(|index| (index, place)));
        let reader = match indexed {
            Some((index, place)) => {
                says.by = Some(By::Index);
                match index.text(path, place) {
                    Ok(Some(text)) => VcfReader::from_reader(&says.name, Cursor::new(text), options),
                    Ok(None) => {
                        says.trouble = Some(Trouble::TooLong);
                        return says;
                    }
                    Err(_) => {
                        says.trouble = Some(Trouble::Unreadable);
                        return says;
                    }
                }
            }
            None if self.index_only => return says,
            None => {
                says.by = Some(By::Reading);
                VcfReader::open(path, options)
            }
        };
        if reader.and_then(|reader| self.read(case, reader, started, &mut says)).is_err() {
            says.trouble = Some(Trouble::Unreadable);
        }
        says
    }

    fn read(&self, case: &Case, mut reader: VcfReader, started: Instant, says: &mut FileSays) -> Result<(), VcfError> {
        let consent = Consent::new(case, &reader.header().samples);
        while let Some(record) = reader.next_record()? {
            says.unreadable += usize::from(record.unreadable.is_some());
            for mut allele in record.alleles {
                if !consent.tells(&mut allele) || !self.matcher.allele(&allele) {
                    continue;
                }
                if says.alleles.len() == MOST_ALLELES {
                    says.more = true;
                    return Ok(());
                }
                says.alleles.push(FileAllele { id: id_of(case, self.list, &allele), allele });
            }
            if says.by == Some(By::Reading) && (started.elapsed() > LONGEST || reader.bytes_read() > MOST_BYTES) {
                says.trouble = Some(Trouble::TooLong);
                return Ok(());
            }
        }
        Ok(())
    }
}

/// What consent lets a file tell.
struct Consent {
    withheld: Withheld,
    /// Sample columns of those in whom no gene is closed.
    columns: Vec<usize>,
}

impl Consent {
    fn new(case: &Case, samples: &[String]) -> Self {
        let withheld = case.withheld();
        let allowing = case.individuals.iter().map(|individual| &individual.individual_id);
        let allowing = allowing.filter(|id| !withheld.concerns(id));
        let columns = allowing.filter_map(|id| samples.iter().position(|sample| sample == id)).collect();
        Self { withheld, columns }
    }

    /// Whether an allele is told of; closed genes are taken from it.
    fn tells(&self, allele: &mut Allele) -> bool {
        if self.withheld.is_nothing() {
            return true;
        }
        let call = |column: &usize| allele.calls.get(*column).is_some_and(is_carrier);
        let told = told_of(&self.withheld, self.columns.iter().any(call), &allele.genes);
        if told == Told::WithoutGenes {
            allele.genes.retain(|gene| !self.withheld.has_gene(gene.hgnc_id, gene.symbol.as_deref().unwrap_or("")));
        }
        told != Told::Nothing
    }
}

fn id_of(case: &Case, list: ListKind, allele: &Allele) -> VariantId {
    Identity {
        case: &case.id,
        list: list.as_str(),
        category: Category::Snv.as_str(),
        build: case.build,
        chromosome: &allele.chromosome,
        position: allele.position,
        end: allele.end,
        reference: &allele.reference,
        alternative: &allele.alternative,
        sv_type: "",
    }
    .id()
}

/// An index beside a bgzipped VCF.
struct Indexed(Box<dyn BinningIndex>);

impl Indexed {
    /// `None` when there is none, it cannot be read, or it is older than the file: then it is of another file.
    fn open(path: &Path) -> Option<Self> {
        let beside = |extension: &str| PathBuf::from(format!("{}.{extension}", path.display()));
        let written = path.metadata().ok()?.modified().ok()?;
        let current = |index: &Path| index.metadata().and_then(|found| found.modified()).is_ok_and(|at| at >= written);
        let (tbi, csi) = (beside("tbi"), beside("csi"));
        let index: Box<dyn BinningIndex> = if current(&tbi) {
            Box::new(noodles::tabix::fs::read(&tbi).ok()?)
        } else if current(&csi) {
            Box::new(noodles::csi::fs::read(&csi).ok()?)
        } else {
            return None;
        };
        index.header()?; // a BCF's index names no contigs
        Some(Self(index))
    }

    /// The file's header and the records around a place. `None` when that is too much.
    fn text(&self, path: &Path, place: &Region) -> io::Result<Option<Vec<u8>>> {
        let mut reader = bgzf::io::Reader::new(File::open(path)?);
        let mut text = Vec::new();
        loop {
            let before = text.len();
            let left = (MOST_INDEXED - before) as u64;
            if (&mut reader).take(left).read_until(b'\n', &mut text)? == 0 {
                break;
            }
            if text.get(before) != Some(&b'#') {
                text.truncate(before);
                break;
            }
        }
        let names = self.0.header().map(noodles::csi::binning_index::index::Header::reference_sequence_names);
        let ids = names.into_iter().flatten().enumerate().filter(|(_, name)| {
            std::str::from_utf8(name.as_ref()).is_ok_and(|name| Chromosome::parse(name) == place.chromosome)
        });
        let interval = interval(place)?;
        for (id, _) in ids {
            for chunk in self.0.query(id, interval)? {
                reader.seek(chunk.start())?;
                while reader.virtual_position() < chunk.end() {
                    let left = MOST_INDEXED.saturating_sub(text.len()) as u64;
                    if left == 0 {
                        return Ok(None);
                    }
                    if (&mut reader).take(left).read_until(b'\n', &mut text)? == 0 {
                        break;
                    }
                }
            }
        }
        Ok((text.len() < MOST_INDEXED).then_some(text))
    }
}

/// The last base that an index knows: tabix has bins for 2^29 bases.
const LAST: u32 = (1 << 29) - 1;

fn interval(place: &Region) -> io::Result<Interval> {
    let position = |at: u32| Position::try_from(at as usize).map_err(io::Error::other);
    Ok((position(place.start.min(LAST))?..=position(place.end.min(LAST))?).into())
}

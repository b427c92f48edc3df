//! The reference sequence, read in place from an indexed FASTA file.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use noodles::core::{Position, Region};
use noodles::fasta;

use super::{Chromosome, GenomeBuild};

/// Bases read at once, of which a quarter lies left of the one asked for: indels move left.
const WINDOW: u32 = 4096;

/// Length of the revised Cambridge Reference Sequence, `NC_012920`, which both builds count mitochondrial positions on.
/// The older `chrM` of hg19 has 16,571 bases and other positions.
const RCRS: u64 = 16_569;

/// Lengths of chromosomes 1 to 22, X and Y in GRCh37 (`GCF_000001405.13`).
const GRCH37: [u64; 24] = [
    249_250_621,
    243_199_373,
    198_022_430,
    191_154_276,
    180_915_260,
    171_115_067,
    159_138_663,
    146_364_022,
    141_213_431,
    135_534_747,
    135_006_516,
    133_851_895,
    115_169_878,
    107_349_540,
    102_531_392,
    90_354_753,
    81_195_210,
    78_077_248,
    59_128_983,
    63_025_520,
    48_129_895,
    51_304_566,
    155_270_560,
    59_373_566,
];

/// Lengths of chromosomes 1 to 22, X and Y in GRCh38 (`GCF_000001405.26`).
const GRCH38: [u64; 24] = [
    248_956_422,
    242_193_529,
    198_295_559,
    190_214_555,
    181_538_259,
    170_805_979,
    159_345_973,
    145_138_636,
    138_394_717,
    133_797_422,
    135_086_622,
    133_275_309,
    114_364_328,
    107_043_718,
    101_991_189,
    90_338_345,
    83_257_441,
    80_373_285,
    58_617_616,
    64_444_167,
    46_709_983,
    50_818_468,
    156_040_895,
    57_227_415,
];

/// Names of the chromosomes whose lengths are known, in the order of the tables.
fn chromosomes() -> impl Iterator<Item = Chromosome> {
    (1..=22)
        .map(|number| number.to_string())
        .chain(["X".to_owned(), "Y".to_owned()])
        .map(|name| Chromosome::parse(&name))
}

/// Why a reference sequence cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The file is not there.
    #[error("reference sequence {}: there is no such file", .0.display())]
    Missing(PathBuf),
    /// An index is not there.
    #[error("reference sequence {}: its index {} is missing; make it with `samtools faidx {}`", path.display(), index.display(), path.display())]
    NoIndex {
        /// The sequence.
        path: PathBuf,
        /// The index looked for.
        index: PathBuf,
    },
    /// It is there and cannot be read.
    #[error("reference sequence {}: it cannot be read: {reason}", path.display())]
    Unreadable {
        /// The sequence.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is of another assembly.
    #[error("reference sequence {} is not {}: contig {contig} has {found} bases and not {expected}", path.display(), build.name())]
    OtherBuild {
        /// The sequence.
        path: PathBuf,
        /// What it was configured for.
        build: GenomeBuild,
        /// Contig.
        contig: String,
        /// Its length there.
        found: u64,
        /// Its length in the assembly.
        expected: u64,
    },
    /// Reading it was ended.
    #[error("reading the reference sequence was ended: {0}")]
    Interrupted(String),
    /// It has none of the chromosomes.
    #[error("reference sequence {} has none of the chromosomes 1 to 22, X and Y", .0.display())]
    NoChromosome(PathBuf),
}

impl ReferenceError {
    fn unreadable(path: &Path, reason: &dyn std::fmt::Display) -> Self {
        Self::Unreadable { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// An indexed FASTA file, plain or block-compressed, of one build. Reading moves it, so each user has its own.
pub struct ReferenceSequence {
    path: PathBuf,
    contigs: HashMap<Chromosome, Contig>,
    reader: fasta::io::IndexedReader<fasta::io::BufReader<File>>,
    window: Window,
}

struct Contig {
    name: String,
    length: u32,
}

/// The part of a contig read last.
#[derive(Default)]
struct Window {
    chromosome: Option<Chromosome>,
    /// 1-based position of the first base.
    start: u32,
    bases: Vec<u8>,
}

impl ReferenceSequence {
    /// Opens the file with the index beside it (`.fai`, and `.gzi` when block-compressed), and makes sure that it is of
    /// this build: each of the chromosomes it has must have the assembly's length.
    pub fn open(path: &Path, build: GenomeBuild) -> Result<Self, ReferenceError> {
        let mut opened = Self::unchecked(path)?;
        opened.must_be(build)?;
        Ok(opened)
    }

    fn unchecked(path: &Path) -> Result<Self, ReferenceError> {
        if !path.is_file() {
            return Err(ReferenceError::Missing(path.to_owned()));
        }
        let is_compressed = path.extension().is_some_and(|kind| kind == "gz" || kind == "bgz");
        for kind in ["fai", "gzi"].into_iter().take(if is_compressed { 2 } else { 1 }) {
            let mut index = path.as_os_str().to_owned();
            index.push(format!(".{kind}"));
            let index = PathBuf::from(index);
            if !index.is_file() {
                return Err(ReferenceError::NoIndex { path: path.to_owned(), index });
            }
        }
        let reader = fasta::io::indexed_reader::Builder::default()
            .build_from_path(path)
            .map_err(|error| ReferenceError::unreadable(path, &error))?;
        let mut contigs = HashMap::new();
        for record in reader.index().as_ref() {
            let name = record.name().to_string();
            let length = u32::try_from(record.length()).unwrap_or(u32::MAX);
            // The first of several spellings counts, as `7` before `chr7`.
            contigs.entry(Chromosome::parse(&name)).or_insert(Contig { name, length });
        }
        Ok(Self { path: path.to_owned(), contigs, reader, window: Window::default() })
    }

    fn must_be(&mut self, build: GenomeBuild) -> Result<(), ReferenceError> {
        let lengths = match build {
            GenomeBuild::Grch37 => GRCH37,
            GenomeBuild::Grch38 => GRCH38,
        };
        let mut fit = Vec::new();
        for (chromosome, expected) in chromosomes().zip(lengths) {
            let Some(contig) = self.contigs.get(&chromosome) else { continue };
            let found = u64::from(contig.length);
            if found != expected {
                let contig = contig.name.clone();
                return Err(ReferenceError::OtherBuild { path: self.path.clone(), build, contig, found, expected });
            }
            fit.push((chromosome, contig.length));
        }
        let mitochondrion = Chromosome::parse("MT");
        if self.contigs.get(&mitochondrion).is_some_and(|contig| u64::from(contig.length) != RCRS) {
            self.contigs.remove(&mitochondrion);
        }
        let (Some((first, length)), Some((last, last_length))) = (fit.first(), fit.last()) else {
            return Err(ReferenceError::NoChromosome(self.path.clone()));
        };
        // An index of another file, or a file that ends early, shows at the ends.
        for (chromosome, length) in [(first, *length), (last, *last_length)] {
            if !self.base(chromosome, length)?.is_some_and(|base| base.is_ascii_alphabetic()) {
                return Err(ReferenceError::unreadable(
                    &self.path,
                    &format!("chromosome {chromosome} does not end where the index says; make the index again"),
                ));
            }
        }
        Ok(())
    }

    /// Chromosomes 1 to 22, X, Y and MT that the file does not have, or not in a form that can be used.
    #[must_use]
    pub fn absent(&self) -> Vec<Chromosome> {
        chromosomes()
            .chain([Chromosome::parse("MT")])
            .filter(|chromosome| !self.contigs.contains_key(chromosome))
            .collect()
    }

    /// Whether the file has the contig.
    #[must_use]
    pub fn has(&self, chromosome: &Chromosome) -> bool {
        self.contigs.contains_key(chromosome)
    }

    /// The base at a 1-based position in upper case, also an ambiguous one; nothing beyond the contig's ends.
    pub fn base(&mut self, chromosome: &Chromosome, position: u32) -> Result<Option<u8>, ReferenceError> {
        let Some(contig) = self.contigs.get(chromosome) else { return Ok(None) };
        if !(1..=contig.length).contains(&position) {
            return Ok(None);
        }
        if self.window.chromosome.as_ref() != Some(chromosome) || self.window.at(position).is_none() {
            let start = position.saturating_sub(WINDOW / 4).max(1);
            let end = start.saturating_add(WINDOW - 1).min(contig.length);
            let bases = query(&mut self.reader, &contig.name, start, end)
                .map_err(|error| ReferenceError::unreadable(&self.path, &error))?;
            self.window = Window { chromosome: Some(chromosome.clone()), start, bases };
        }
        Ok(self.window.at(position))
    }
}

fn query(
    reader: &mut fasta::io::IndexedReader<fasta::io::BufReader<File>>,
    name: &str,
    start: u32,
    end: u32,
) -> io::Result<Vec<u8>> {
    let at = |position: u32| {
        Position::try_from(position as usize).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
    };
    let record = reader.query(&Region::new(name, at(start)?..=at(end)?))?;
    Ok(record.sequence().as_ref().to_ascii_uppercase())
}

impl Window {
    fn at(&self, position: u32) -> Option<u8> {
        let offset = position.checked_sub(self.start)?;
        self.bases.get(offset as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, SeekFrom, Write as _};

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    /// Two contigs in lines of 10 bases; the bases of a position can be told from it.
    fn small(path: &Path) -> Vec<u8> {
        let sequence: Vec<u8> = (0..9_995_u32).map(|at| b"ACGTacgtN"[(at * at % 97 % 9) as usize]).collect();
        let mut text = b">chr7 a description\n".to_vec();
        for line in sequence.chunks(10) {
            text.extend(line);
            text.push(b'\n');
        }
        let second = text.len() + ">other\n".len();
        text.extend(b">other\nACGTT\n");
        std::fs::write(path, text).unwrap();
        let index = format!("chr7\t9995\t20\t10\t11\nother\t5\t{second}\t5\t6\n");
        std::fs::write(format!("{}.fai", path.display()), index).unwrap();
        sequence.to_ascii_uppercase()
    }

    #[test]
    fn every_base_is_read_from_wherever_it_stands() {
        let folder = folder();
        let path = folder.path().join("small.fa");
        let expected = small(&path);
        let mut reference = ReferenceSequence::unchecked(&path).unwrap();
        let seven = Chromosome::parse("7");
        let length = u32::try_from(expected.len()).unwrap();
        let forward = 1..=length;
        let jumping = (0..2_000).map(|step| step * 7_919 % length + 1);
        for position in forward.clone().chain(forward.rev()).chain(jumping) {
            assert_eq!(reference.base(&seven, position).unwrap(), Some(expected[position as usize - 1]), "{position}");
        }
        assert_eq!(reference.base(&seven, 0).unwrap(), None);
        assert_eq!(reference.base(&seven, length + 1).unwrap(), None);
        let other = Chromosome::parse("other");
        assert_eq!(reference.base(&other, 5).unwrap(), Some(b'T'));
        assert_eq!(reference.base(&Chromosome::parse("8"), 5).unwrap(), None);
        assert!(reference.absent().len() == 24 && reference.has(&seven));
    }

    #[test]
    fn a_block_compressed_file_reads_the_same() {
        let folder = folder();
        let plain = folder.path().join("small.fa");
        let expected = small(&plain);
        let path = folder.path().join("small.fa.gz");
        let text = std::fs::read(&plain).unwrap();
        let mut writer = noodles::bgzf::io::Writer::new(File::create(&path).unwrap());
        writer.write_all(&text[..5_000]).unwrap();
        writer.flush().unwrap();
        let second_block = writer.virtual_position().compressed();
        writer.write_all(&text[5_000..]).unwrap();
        writer.finish().unwrap();
        std::fs::copy(folder.path().join("small.fa.fai"), folder.path().join("small.fa.gz.fai")).unwrap();
        assert!(matches!(ReferenceSequence::unchecked(&path), Err(ReferenceError::NoIndex { .. })), "without .gzi");
        // One block besides the first: where it begins in the file, and in the text.
        let index: Vec<u8> = [1, second_block, 5_000].into_iter().flat_map(u64::to_le_bytes).collect();
        std::fs::write(folder.path().join("small.fa.gz.gzi"), index).unwrap();
        let mut reference = ReferenceSequence::unchecked(&path).unwrap();
        for position in [1, 9_995, 5_000, 1, 4_097] {
            let found = reference.base(&Chromosome::parse("7"), position).unwrap();
            assert_eq!(found, Some(expected[position as usize - 1]), "{position}");
        }
    }

    /// A file in which only the last base of a chromosome stands; all before it is a hole.
    fn sparse(path: &Path, contig: &str, length: u64) {
        let head = format!(">{contig}\n");
        let mut file = File::create(path).unwrap();
        file.write_all(head.as_bytes()).unwrap();
        file.seek(SeekFrom::Start(head.len() as u64 + length - 1)).unwrap();
        file.write_all(b"N\n").unwrap();
        let index = format!("{contig}\t{length}\t{}\t{length}\t{}\n", head.len(), length + 1);
        std::fs::write(format!("{}.fai", path.display()), index).unwrap();
    }

    #[test]
    fn what_does_not_fit_is_said_in_a_sentence() {
        let folder = folder();
        let path = folder.path().join("genome.fa");
        let says = |build: GenomeBuild| ReferenceSequence::open(&path, build).err().map(|error| error.to_string());
        assert!(says(GenomeBuild::Grch37).unwrap().contains("there is no such file"));
        std::fs::write(&path, ">7\nA\n").unwrap();
        assert!(says(GenomeBuild::Grch37).unwrap().contains("samtools faidx"));
        sparse(&path, "chr7", 159_138_663);
        assert_eq!(says(GenomeBuild::Grch37), None);
        let other = says(GenomeBuild::Grch38).unwrap();
        assert!(other.contains("is not GRCh38: contig chr7 has 159138663 bases"), "{other}");
        File::options().write(true).open(&path).unwrap().set_len(1_000).unwrap();
        assert!(says(GenomeBuild::Grch37).unwrap().contains("make the index again"));
        sparse(&path, "scaffold", 1_000);
        assert!(says(GenomeBuild::Grch37).unwrap().contains("none of the chromosomes"));
        std::fs::write(folder.path().join("genome.fa.fai"), "no index\n").unwrap();
        assert!(says(GenomeBuild::Grch37).unwrap().contains("cannot be read"));
    }

    /// Chromosome lengths of real files agree with the tables.
    #[test]
    fn the_tables_hold_known_lengths() {
        assert_eq!((GRCH37[6], GRCH38[6]), (159_138_663, 159_345_973));
        assert_eq!((GRCH37.iter().sum::<u64>(), GRCH38.iter().sum::<u64>()), (3_095_677_412, 3_088_269_832));
    }
}

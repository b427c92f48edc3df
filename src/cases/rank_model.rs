use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::ranking::{CategoryRange, RankModel};

/// A rank model has some 20 kB; a file far beyond that is something else.
const MOST_BYTES: u64 = 4 << 20;

/// What a case keeps of the rank model behind its rank scores.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CaseRankModel {
    /// Name of the file, without its folder; a web address is kept whole.
    pub file: String,
    /// Name in the file.
    pub name: Option<String>,
    /// Version in the file.
    pub version: Option<String>,
    /// What each part of the score can be; empty if the model could not be read.
    pub ranges: Vec<CategoryRange>,
    /// What is not known and why, in sentences.
    pub notes: Vec<String>,
}

impl CaseRankModel {
    /// Reads the model a case was delivered with. The ranges explain a score and change none, so a model that cannot be
    /// read is named, with its line, and keeps no list from its readers. Web addresses are never fetched.
    #[must_use]
    pub fn read(place: &str) -> Self {
        if place.starts_with("http://") || place.starts_with("https://") {
            let notes = vec![format!(
                "{place}: web addresses are never fetched, so the rank model is not at hand; name a file to see its ranges"
            )];
            return Self { file: place.to_owned(), notes, ..Self::default() };
        }
        let path = Path::new(place);
        let file = path.file_name().map_or_else(|| place.to_owned(), |name| name.to_string_lossy().into_owned());
        let model = text_of(path).and_then(|text| RankModel::parse(&text).map_err(|error| error.to_string()));
        match model {
            Ok(model) => Self {
                ranges: model.ranges(),
                notes: model.notes.iter().map(|note| format!("{file}, {note}")).collect(),
                name: model.name,
                version: model.version,
                file,
            },
            Err(reason) => {
                let notes = vec![format!("{file}: the rank model cannot be read: {reason}")];
                Self { file, notes, ..Self::default() }
            }
        }
    }

    /// The range of a part of the score.
    #[must_use]
    pub fn range(&self, category: &str) -> Option<&CategoryRange> {
        self.ranges.iter().find(|range| range.is_of(category))
    }
}

fn text_of(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| {
            if !file.metadata()?.is_file() {
                return Err(std::io::Error::other("it is not a file"));
            }
            file.take(MOST_BYTES + 1).read_to_end(&mut bytes)
        })
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("it has more than {MOST_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        format!("line {}: not UTF-8 text", before.split(|byte| *byte == b'\n').count())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> CaseRankModel {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.ini");
        std::fs::write(&path, content).unwrap();
        CaseRankModel::read(path.to_str().unwrap())
    }

    #[test]
    fn a_model_is_kept_with_its_ranges() {
        let model = read(
            b"[Version]\nname = m\nversion = 1.0\n[Categories]\n[[Splicing]]\ncategory_aggregation = max\n\
              [SpliceAI]\ncategory = Splicing\n[[not_reported]]\nscore = 0\n[[high]]\nscore = 3\n",
        );
        assert_eq!((model.file.as_str(), model.version.as_deref()), ("model.ini", Some("1.0")));
        let range = model.range("splicing").unwrap();
        assert!(range.least.abs() < 1e-9 && (range.greatest - 3.0).abs() < 1e-9);
        assert_eq!((model.range("Consequence"), model.notes.len()), (None, 0));
    }

    #[test]
    fn what_cannot_be_read_is_said_with_file_and_line() {
        let note = |content: &[u8]| read(content).notes.join("; ");
        assert_eq!(
            note(b"[Categories]\nhello\n"),
            "model.ini: the rank model cannot be read: line 2: `hello` is neither a heading nor `key = value`"
        );
        assert_eq!(note(b"[Categories]\n\xff\n"), "model.ini: the rank model cannot be read: line 2: not UTF-8 text");
        assert!(note(&vec![b'#'; 5 << 20]).contains("more than"));
        let folder = tempfile::tempdir().unwrap();
        assert!(CaseRankModel::read(folder.path().to_str().unwrap()).notes[0].ends_with("it is not a file"));
        let web = CaseRankModel::read("https://models.example/m.ini");
        assert!(web.ranges.is_empty() && web.notes[0].contains("never fetched"), "{:?}", web.notes);
    }
}

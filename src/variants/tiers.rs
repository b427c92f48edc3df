//! What a variant means in a tumour, on two scales that people compare laboratories by: AMP and ESCAT.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// The tiers of a scale from the highest, each with the code that is stored and what it means.
macro_rules! scale {
    ($(#[$about:meta])* $scale:ident { $($tier:ident = $code:literal, $words:literal;)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $scale {
            $(#[doc = $words] #[serde(rename = $code)] $tier,)+
        }

        impl $scale {
            /// All, from the highest.
            pub const ALL: &[Self] = &[$(Self::$tier,)+];

            /// The code in documents, forms and API, and on pages.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$tier => $code,)+ }
            }

            /// What it means.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(Self::$tier => $words,)+ }
            }

            /// The tier of this code.
            #[must_use]
            pub fn parse(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|tier| tier.code() == code)
            }
        }
    };
}

scale! {
    /// How much a variant says about diagnosis, prognosis or treatment of a tumour: AMP, ASCO and CAP 2017 (Li et al.,
    /// doi:10.1016/j.jmoldx.2016.10.002), which writes tier I, level A and so on.
    AmpTier {
        OneA = "1A", "strong significance: approved therapy or guideline for this tumour";
        OneB = "1B", "strong significance: well-powered studies, experts agree";
        TwoC = "2C", "potential significance: therapy of another tumour or on trial, or several small studies";
        TwoD = "2D", "potential significance: preclinical work, or a few case reports";
        Three = "3", "unknown significance";
        Four = "4", "benign or likely benign";
    }
}

scale! {
    /// How well it is proven that a drug against the alteration helps: ESMO 2018 (Mateo et al., doi:10.1093/annonc/mdy263),
    /// which writes I-A and so on.
    EscatTier {
        OneA = "1A", "drug helps in this tumour: randomised trial, survival";
        OneB = "1B", "drug helps in this tumour: trial without randomisation";
        OneC = "1C", "drug helps in many tumours alike: trial across tumour types";
        TwoA = "2A", "drug probably helps: patients looked at in retrospect";
        TwoB = "2B", "drug probably helps: tumours respond, survival is not known";
        ThreeA = "3A", "drug helps in another tumour with this alteration";
        ThreeB = "3B", "similar to an alteration of tier 1, without clinical data";
        FourA = "4A", "drug acts in cells or animals";
        FourB = "4B", "drug acts by prediction alone";
        Five = "5", "tumours respond to the drug, but patients gain too little from it";
        X = "X", "nothing shows that a drug acts";
    }
}

/// The tiers of a variant, at most one of each scale.
#[skip_serializing_none]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiers {
    /// On the scale of AMP.
    pub amp: Option<AmpTier>,
    /// On the scale of ESCAT.
    pub escat: Option<EscatTier>,
}

impl Tiers {
    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// In words, `AMP 1A, ESCAT 2B`; empty when it has none.
    #[must_use]
    pub fn words(self) -> String {
        let amp = self.amp.map(|tier| format!("AMP {}", tier.code()));
        let escat = self.escat.map(|tier| format!("ESCAT {}", tier.code()));
        amp.into_iter().chain(escat).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn tiers_are_read_by_their_code_only() {
        let amp: Vec<&str> = AmpTier::ALL.iter().map(|tier| tier.code()).collect();
        assert_eq!(amp, ["1A", "1B", "2C", "2D", "3", "4"]);
        let escat: Vec<&str> = EscatTier::ALL.iter().map(|tier| tier.code()).collect();
        assert_eq!(escat, ["1A", "1B", "1C", "2A", "2B", "3A", "3B", "4A", "4B", "5", "X"]);
        for (amp, escat) in AmpTier::ALL.iter().zip(EscatTier::ALL) {
            assert_eq!((AmpTier::parse(amp.code()), EscatTier::parse(escat.code())), (Some(*amp), Some(*escat)));
        }
        for wrong in ["", "1a", "I-A", "1", "5A"] {
            assert_eq!((AmpTier::parse(wrong), EscatTier::parse(wrong)), (None, None), "{wrong:?}");
        }
    }

    #[test]
    fn tiers_are_stored_by_their_code() {
        let tiers = Tiers { amp: Some(AmpTier::TwoC), escat: Some(EscatTier::X) };
        let stored = bson::serialize_to_document(&tiers).unwrap();
        assert_eq!(stored, doc! { "amp": "2C", "escat": "X" });
        assert_eq!(bson::deserialize_from_document::<Tiers>(stored).unwrap(), tiers);
        assert_eq!(tiers.words(), "AMP 2C, ESCAT X");
        let none = bson::deserialize_from_document::<Tiers>(doc! {}).unwrap();
        assert!(none.is_empty() && none.words().is_empty());
    }
}

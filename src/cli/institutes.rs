//! `lodestone institute …`

use std::collections::BTreeSet;
use std::str::FromStr;

use anyhow::{Context as _, bail};

use super::{SetInstitute, SystemScope, open};
use crate::app::AppState;
use crate::db::StoreError;
use crate::ids::InstituteId;
use crate::institutes::{Changed, Institute, add as add_institute, change, read_addresses, read_name, read_partners};
use crate::users::{Authority, Email};
use crate::variants::LinkTarget;
use crate::variants::columns::CutoffKind;

/// Values offered for one kind.
pub type KindValues = (CutoffKind, Vec<f64>);

/// `cadd=10 20 30`
pub(super) fn read_cutoffs(text: &str) -> Result<KindValues, String> {
    let kinds = || CutoffKind::ALL.map(CutoffKind::as_str).join(", ");
    let (kind, values) = text.split_once('=').ok_or_else(|| format!("write KIND=VALUES with one of {}", kinds()))?;
    let kind = CutoffKind::ALL
        .into_iter()
        .find(|known| known.as_str() == kind)
        .ok_or_else(|| format!("`{kind}` is not one of {}", kinds()))?;
    Ok((kind, kind.read(values)?))
}

/// Sites as `gnomad,ucsc` or `none`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedLinks(BTreeSet<LinkTarget>);

impl FromStr for AllowedLinks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self(BTreeSet::new()));
        }
        let targets = text.split(',').map(|word| word.trim().parse::<LinkTarget>());
        targets.collect::<Result<_, _>>().map(Self).map_err(|error| format!("{error}; or write none"))
    }
}

/// Institutes as `cust111,cust222` or `none`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partners(BTreeSet<InstituteId>);

impl FromStr for Partners {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self(BTreeSet::new()));
        }
        match read_partners(text) {
            Ok(partners) if partners.is_empty() => Err("name institutes, or write none".to_owned()),
            other => other.map(Self),
        }
    }
}

/// Addresses as `a@x.example,b@y.example` or `none`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderMail(BTreeSet<Email>);

impl FromStr for OrderMail {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self(BTreeSet::new()));
        }
        match read_addresses(text) {
            Ok(addresses) if addresses.is_empty() => Err("name addresses, or write none".to_owned()),
            other => other.map(Self),
        }
    }
}

pub(super) async fn add(
    app: &AppState,
    scope: &SystemScope,
    id: InstituteId,
    name: Option<String>,
) -> anyhow::Result<()> {
    scope.note("institute", id.as_str(), Some(&id));
    let name = match name {
        Some(name) => named(&name)?,
        None => id.to_string(),
    };
    let institute = Institute::new(id.clone(), name, app.clock.now());
    match add_institute(app, &institute, Authority::Machine, &open::actor()).await {
        Ok(_) => {
            println!("added institute {id}");
            Ok(())
        }
        Err(StoreError::Exists(_)) => bail!("institute {id} exists already"),
        Err(error) => Err(error.into()),
    }
}

fn named(name: &str) -> anyhow::Result<String> {
    read_name(name).map_err(|message| anyhow::anyhow!("--name: {message}"))
}

pub(super) async fn set(app: &AppState, scope: &SystemScope, given: SetInstitute) -> anyhow::Result<()> {
    scope.note("institute", given.id.as_str(), Some(&given.id));
    let id = &given.id;
    let institute = app.institutes.find(id).await?;
    let institute = institute.with_context(|| format!("there is no institute {id}"))?;
    let before = institute.choices();
    let mut wanted = before.clone();
    if let Some(name) = &given.name {
        wanted.name = named(name)?;
    }
    if let Some(cutoff) = given.frequency_cutoff {
        wanted.settings.frequency_cutoff = cutoff;
    }
    for (kind, values) in given.cutoffs {
        wanted.settings.cutoffs.set(kind, values);
    }
    if let Some(AllowedLinks(targets)) = given.allow_links {
        wanted.settings.link_targets = targets;
    }
    if let Some(Partners(partners)) = given.share_with {
        wanted.settings.share_with = partners;
    }
    if let Some(OrderMail(addresses)) = given.order_mail {
        wanted.settings.order_mail = addresses;
    }
    if let Some(second_reader) = given.second_reader {
        wanted.settings.second_reader = second_reader;
    }
    if let Some(days) = given.target_days {
        wanted.settings.target_days = (days > 0).then_some(days);
    }
    match change(app, &institute, institute.rev, &wanted, Authority::Machine, &open::actor()).await? {
        Changed::Stored(_) => {
            println!("changed institute {id}");
            for one in before.differences(&wanted) {
                println!("  {}: {} -> {}", one.label, one.one, one.other);
            }
            Ok(())
        }
        Changed::AsBefore => {
            println!("institute {id} has these settings already");
            Ok(())
        }
        Changed::Partners(message) => bail!("--share-with: {message}"),
        Changed::NotAllowed => bail!("the right to change institute {id} is gone"),
        Changed::Conflict(_) => bail!("institute {id} was changed by somebody else in the meantime; run it again"),
    }
}

pub(super) async fn list(app: &AppState, json: bool) -> anyhow::Result<()> {
    let institutes = app.institutes.all().await?;
    if json {
        let list: Vec<_> = institutes
            .iter()
            .map(|institute| {
                let settings = &institute.settings;
                let cutoffs: serde_json::Map<String, serde_json::Value> = CutoffKind::ALL
                    .into_iter()
                    .map(|kind| (kind.as_str().to_owned(), settings.cutoffs.get(kind).into()))
                    .collect();
                serde_json::json!({
                    "id": institute.id, "name": institute.name, "frequency_cutoff": settings.frequency_cutoff,
                    "cutoffs": cutoffs, "allowed_links": settings.link_targets,
                    "share_with": settings.share_with, "target_days": settings.target_days,
                    "second_reader": settings.second_reader, "order_mail": settings.order_mail, "sign_out": institute.sign_out,
                })
            })
            .collect();
        println!("{}", serde_json::json!({ "institutes": list }));
    } else {
        for institute in institutes {
            println!("{}\t{}", institute.id, institute.name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_typed_as_the_help_says() {
        assert_eq!(read_cutoffs("cadd=10 20"), Ok((CutoffKind::Cadd, vec![10.0, 20.0])));
        for wrong in ["cadd", "caad=1", "cadd=", "cadd=1,2", "revel=2"] {
            assert!(read_cutoffs(wrong).is_err(), "{wrong}");
        }
        let links = |text: &str| text.parse::<AllowedLinks>().map(|AllowedLinks(targets)| targets.len());
        assert_eq!(links("gnomad, ucsc,gnomad"), Ok(2));
        assert_eq!(links("none"), Ok(0));
        for wrong in ["", "gnomad,none", "everybody"] {
            assert!(links(wrong).is_err(), "{wrong}");
        }
        let partners = |text: &str| text.parse::<Partners>().map(|Partners(partners)| partners.len());
        assert_eq!((partners("cust111, cust222"), partners("none")), (Ok(2), Ok(0)));
        for wrong in ["", "Cust111", "cust111;cust222"] {
            assert!(partners(wrong).is_err(), "{wrong}");
        }
        let mail = |text: &str| text.parse::<OrderMail>().map(|OrderMail(addresses)| addresses.len());
        assert_eq!((mail("a@x.example, b@y.example"), mail("none")), (Ok(2), Ok(0)));
        for wrong in ["", ",", "a@x.example,none", "lab"] {
            assert!(mail(wrong).is_err(), "{wrong}");
        }
    }
}

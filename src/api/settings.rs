use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::openapi::{AdminRefusals, CsrfHeader, OfInstitute};
use super::session::BySession;
use crate::app::AppState;
use crate::decisions::terms::DISMISSALS;
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::InstituteId;
use crate::institutes::{
    Changed, Institute, InstituteAdmin, ORDER_MAIL, OWN_REASONS, SHARE_WITH, SecondReader, SettingsForm, change,
};
use crate::saved_filters::ClinicalFilter;
use crate::users::Email;
use crate::variants::columns::{CutoffKind, written};
use crate::variants::{Category, LinkTarget};
use crate::web::{CsrfJson, problem};

/// What an institute's admins decide. What was read can be changed and sent back.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingsJson {
    /// Counts changes; what is sent names the one it was made from.
    rev: i64,
    /// Name as shown.
    name: String,
    /// gnomAD frequency above which the clinical preset hides a variant, as a fraction.
    frequency_cutoff: f64,
    /// Values offered as limits.
    cutoffs: CutoffsJson,
    /// Sites that may be told exact variants: `gnomad`, `franklin`, `varsome`, `spliceai`, `ucsc`.
    links: Vec<String>,
    /// Institutes that single cases may be shared with.
    share_with: Vec<String>,
    /// Days from sample to answer that the institute aims at.
    target_days: Option<u16>,
    /// Who confirms a causative mark: `none`, `open` or `blinded`.
    second_reader: SecondReader,
    /// Addresses that get orders of validations by mail.
    order_mail: Vec<String>,
    /// Codes of the known reasons to dismiss a variant that are offered.
    reasons: Vec<u16>,
    /// Its own, in words.
    own_reasons: Vec<String>,
    /// The saved filter that is the clinical one of small variants, with its version, as `<filter>/<version>`; null for
    /// Lodestone's own.
    #[serde(deserialize_with = "Option::deserialize")]
    clinical_snv: Option<String>,
}

/// Ascending, at least one of each kind.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CutoffsJson {
    frequency: Vec<f64>,
    local_obs: Vec<f64>,
    cadd: Vec<f64>,
    revel: Vec<f64>,
    spliceai: Vec<f64>,
    rank_score: Vec<f64>,
}

/// Name and settings of an institute.
#[utoipa::path(
    get, path = "/api/v1/{institute}/settings", security(("session" = [])), params(OfInstitute),
    responses((status = 200, body = SettingsJson), AdminRefusals)
)]
pub(super) async fn show(_: BySession, admin: InstituteAdmin) -> Json<SettingsJson> {
    Json(admin.institute().into())
}

/// Puts name and settings in place of those that `rev` names.
#[utoipa::path(
    put, path = "/api/v1/{institute}/settings", security(("session" = [])), params(OfInstitute, CsrfHeader),
    request_body = SettingsJson, responses((status = 200, body = SettingsJson), AdminRefusals)
)]
pub(super) async fn save(
    _: BySession,
    admin: InstituteAdmin,
    State(app): State<AppState>,
    CsrfJson(body): CsrfJson<SettingsJson>,
) -> AppResult<Json<SettingsJson>> {
    let form = body.form().map_err(AppError::Unprocessable)?;
    let wanted = form
        .parse(admin.institute(), &app.filters.for_admin(&admin).await?)
        .map_err(|errors| AppError::Unprocessable(errors.into_iter().map(of_json).collect()))?;
    match change(&app, admin.institute(), form.rev, &wanted, admin.authority(), &admin.actor()).await? {
        Changed::Stored(now) => Ok(Json((&now).into())),
        Changed::AsBefore => Ok(Json(admin.institute().into())),
        Changed::Conflict(now) => Err(AppError::Conflict { rev: Some(now.rev) }),
        Changed::Partners(message) => Err(problem(SHARE_WITH, &form.share_with, message)),
        Changed::NotAllowed => Err(AppError::NotFound("page")),
    }
}

/// The form calls `cutoffs_cadd` what is `cutoffs.cadd` here.
fn of_json(error: FieldError) -> FieldError {
    FieldError { field: error.field.replacen("cutoffs_", "cutoffs.", 1), ..error }
}

impl SettingsJson {
    /// The form that says the same, so that the same rules hold.
    fn form(&self) -> Result<SettingsForm, Vec<FieldError>> {
        let (mut links, mut wrong) = (Vec::new(), Vec::new());
        for (number, text) in self.links.iter().enumerate() {
            match text.parse::<LinkTarget>() {
                Ok(target) => links.push(target),
                Err(error) => wrong.push(FieldError::new(&format!("links[{number}]"), text, error.to_string())),
            }
        }
        for (number, text) in self.share_with.iter().enumerate() {
            if let Err(error) = text.parse::<InstituteId>() {
                wrong.push(FieldError::new(&format!("{SHARE_WITH}[{number}]"), text, error.to_string()));
            }
        }
        for (number, text) in self.order_mail.iter().enumerate() {
            if let Err(error) = text.parse::<Email>() {
                wrong.push(FieldError::new(&format!("{ORDER_MAIL}[{number}]"), text, error.to_string()));
            }
        }
        for (number, code) in self.reasons.iter().enumerate() {
            if DISMISSALS.iter().all(|(known, _)| known != code) {
                let message = "is not the code of a reason to dismiss a variant";
                wrong.push(FieldError::new(&format!("reasons[{number}]"), &code.to_string(), message));
            }
        }
        for (number, text) in self.own_reasons.iter().enumerate() {
            if text.lines().count() > 1 {
                wrong.push(FieldError::new(&format!("{OWN_REASONS}[{number}]"), text, "must be one line"));
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(SettingsForm {
            rev: self.rev,
            name: self.name.clone(),
            frequency_cutoff: self.frequency_cutoff.to_string(),
            cutoffs: CutoffKind::ALL.into_iter().map(|kind| (kind, written(self.cutoffs.of(kind)))).collect(),
            links,
            share_with: self.share_with.join(" "),
            target_days: self.target_days.map(|days| days.to_string()).unwrap_or_default(),
            second_reader: self.second_reader.as_str().to_owned(),
            order_mail: self.order_mail.join(" "),
            reasons: self.reasons.iter().copied().collect(),
            own_reasons: self.own_reasons.join("\n"),
            clinical: [(Category::Snv, self.clinical_snv.clone().unwrap_or_default())].into(),
        })
    }
}

impl CutoffsJson {
    fn of(&self, kind: CutoffKind) -> &[f64] {
        match kind {
            CutoffKind::Frequency => &self.frequency,
            CutoffKind::LocalObs => &self.local_obs,
            CutoffKind::Cadd => &self.cadd,
            CutoffKind::Revel => &self.revel,
            CutoffKind::Spliceai => &self.spliceai,
            CutoffKind::RankScore => &self.rank_score,
        }
    }
}

impl From<&Institute> for SettingsJson {
    fn from(institute: &Institute) -> Self {
        let settings = &institute.settings;
        let values = |kind| settings.cutoffs.get(kind).to_vec();
        Self {
            rev: institute.rev,
            name: institute.name.clone(),
            frequency_cutoff: settings.frequency_cutoff,
            cutoffs: CutoffsJson {
                frequency: values(CutoffKind::Frequency),
                local_obs: values(CutoffKind::LocalObs),
                cadd: values(CutoffKind::Cadd),
                revel: values(CutoffKind::Revel),
                spliceai: values(CutoffKind::Spliceai),
                rank_score: values(CutoffKind::RankScore),
            },
            links: settings.link_targets.iter().map(ToString::to_string).collect(),
            share_with: settings.share_with.iter().map(ToString::to_string).collect(),
            target_days: settings.target_days,
            second_reader: settings.second_reader,
            order_mail: settings.order_mail.iter().map(ToString::to_string).collect(),
            reasons: SettingsForm::of(institute).reasons.into_iter().collect(),
            own_reasons: settings.dismissals.own.iter().cloned().collect(),
            clinical_snv: settings.clinical.get(&Category::Snv).map(ClinicalFilter::value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_can_be_sent_back() {
        let mut institute =
            Institute::new("own".parse().unwrap(), "Clinic".into(), "2026-01-01T00:00:00Z".parse().unwrap());
        institute.settings.cutoffs.set(CutoffKind::RankScore, vec![-5.0, 0.1]);
        institute.settings.link_targets.insert(LinkTarget::Ucsc);
        institute.settings.share_with = ["cust111".parse().unwrap(), "cust222".parse().unwrap()].into();
        institute.settings.order_mail = ["lab@clinic.example".parse().unwrap()].into();
        institute.settings.dismissals.own.insert("ours".into());
        let text = serde_json::to_string(&SettingsJson::from(&institute)).unwrap();
        let read: SettingsJson = serde_json::from_str(&text).unwrap();
        assert_eq!(read.form().unwrap(), SettingsForm::of(&institute));
        assert_eq!(read.form().unwrap().parse(&institute, &[]).unwrap(), institute.choices());
        let wrong = SettingsJson {
            links: vec!["elsewhere".into()],
            share_with: vec!["a b".into()],
            order_mail: vec!["a b".into()],
            reasons: vec![2, 4],
            own_reasons: vec!["ours".into(), "two\nlines".into()],
            ..read
        };
        let fields: Vec<String> = wrong.form().unwrap_err().into_iter().map(|error| error.field).collect();
        assert_eq!(fields, ["links[0]", "share_with[0]", "order_mail[0]", "reasons[1]", "own_reasons[1]"]);
    }
}

use serde::{Deserialize, Serialize};

use super::work::Work;
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::DigestReader;
use crate::comments::mentions_of;
use crate::db::StoreError;

/// How much the start page has for somebody. Numbers only, for these leave the program by mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Comments that mention them and were not read.
    pub mentions: u32,
    /// Cases assigned to them.
    pub mine: u32,
    /// Cases with a cause that they may confirm.
    pub to_read: u32,
    /// Cases that wait for a validation.
    pub to_validate: u32,
    /// New cases that nobody took.
    pub new: u32,
}

impl Counts {
    /// Each with what it counts, in the order of the start page.
    #[must_use]
    pub fn in_words(&self) -> [(&'static str, u32); 5] {
        [
            ("Comments that mention you, not read yet", self.mentions),
            ("Cases assigned to you", self.mine),
            ("Cases that wait for you as second reader", self.to_read),
            ("Cases that wait for a validation", self.to_validate),
            ("New cases that nobody took yet", self.new),
        ]
    }
}

/// Counts what the start page would show them now, by the same rules.
pub(crate) async fn count(app: &AppState, reader: &DigestReader) -> Result<Counts, StoreError> {
    let principal = reader.principal();
    let readable: Vec<_> = principal.scope().institutes().cloned().collect();
    if readable.is_empty() {
        return Ok(Counts::default());
    }
    let institutes = app.institutes.among(&readable).await?;
    let work = Work::of(app, principal, &institutes, app.clock.now(), (usize::MAX, usize::MAX)).await?;
    // Nobody is shown the comments: there is no request for the trail to tell of.
    let mentions = mentions_of(app, principal, &Trail::default()).await?;
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(Counts {
        mentions: number(mentions.iter().filter(|mention| mention.is_new).count()),
        mine: number(work.mine.len()),
        to_read: number(work.to_read.len()),
        to_validate: number(work.to_validate.len()),
        new: number(work.waiting.len()),
    })
}

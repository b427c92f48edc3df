//! Once a day, to who asked for it: how much waits for them on their start page.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use super::model::{About, Mail};
use crate::app::AppState;
use crate::auth::DigestReader;
use crate::db::StoreError;
use crate::ids::UserId;
use crate::my_work;
use crate::web::filters;

/// The day that a moment belongs to, which begins at the configured hour (UTC).
#[must_use]
pub fn day(now: Timestamp, hour: u8) -> Date {
    filters::day(now - SignedDuration::from_hours(i64::from(hour)))
}

/// Queues the mails of this day that were not queued yet. Whose day is done with stands in the same transaction as
/// their mail, so of several processes one writes it. Nobody hears that nothing waits for them.
pub(super) async fn queue(app: &AppState) -> Result<(), StoreError> {
    let today = day(app.clock.now(), app.config.mail.digest_hour);
    for user in app.digests.due(today).await? {
        // What cannot be counted for one person keeps no mail from the others.
        if let Err(error) = tell(app, &user, today).await {
            warn!(user.id = %user, "the daily mail of {user} was not written; trying again: {error:#}");
        }
    }
    Ok(())
}

async fn tell(app: &AppState, user: &UserId, today: Date) -> Result<(), StoreError> {
    let mail = match app.digests.reader(&app.users, user).await? {
        Some(reader) => told(app, &reader).await?,
        None => None,
    };
    write(app, user, today, mail.as_slice()).await
}

/// The mail to somebody; none when nothing waits.
async fn told(app: &AppState, reader: &DigestReader) -> Result<Option<Mail>, StoreError> {
    let counts = my_work::count(app, reader).await?;
    let waits = counts.in_words().iter().any(|(_, count)| *count > 0);
    let about = About::Digest { user: reader.principal().user().clone(), counts };
    Ok(waits.then(|| Mail::new(reader.to().clone(), about, app.clock.now())))
}

/// Writes it, unless another process was faster.
async fn write(app: &AppState, user: &UserId, today: Date, mail: &[Mail]) -> Result<(), StoreError> {
    app.outbox.prepare().await?;
    let mut transaction = app.db.begin().await?;
    loop {
        let work = async {
            let session = &mut transaction.session;
            if app.digests.done(session, user, today).await? {
                app.outbox.queue(session, mail).await?;
            }
            Ok(())
        }
        .await;
        if let Some(written) = transaction.end(work).await {
            return written;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_the_configured_hour() {
        let day = |at: &str, hour| day(at.parse().unwrap(), hour).to_string();
        assert_eq!(day("2026-03-01T05:59:59Z", 6), "2026-02-28");
        assert_eq!(day("2026-03-01T06:00:00Z", 6), "2026-03-01");
        assert_eq!(day("2026-03-01T00:00:00Z", 0), "2026-03-01");
        assert_eq!(day("2026-03-01T22:00:00Z", 23), "2026-02-28");
    }
}

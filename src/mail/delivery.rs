//! Hands mails that are due to the mail server.
//!
//! Each is claimed before it is sent, so of several processes one sends it. A process that ends between the server's word
//! and the note of it sends the mail once more, under the same identity.

use std::time::Duration;

use anyhow::Context as _;
use tracing::{info, warn};

use super::digest;
use super::model::{About, Mail};
use super::post::Post;
use crate::app::AppState;
use crate::db::StoreError;

/// How often the task looks.
const EVERY: Duration = Duration::from_secs(10);
/// Most characters of a failure that are kept.
const LONGEST: usize = 300;

/// Sends what is due until the server ends.
#[must_use]
pub fn watch(app: &AppState) -> tokio::task::JoinHandle<()> {
    let app = app.clone();
    tokio::spawn(async move {
        if !app.config.mail.is_on() {
            return;
        }
        let mut due = tokio::time::interval(EVERY);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !app.is_stopping() {
            due.tick().await;
            if let Err(error) = run(&app).await {
                warn!("mails were not sent; trying again: {error:#}");
            }
        }
    })
}

/// Writes the mails of this day, then tries every mail that is due once; how many were sent.
///
/// # Errors
/// When the database does not answer.
pub async fn run(app: &AppState) -> anyhow::Result<usize> {
    if !app.config.mail.is_on() {
        return Ok(0);
    }
    if let Err(error) = digest::queue(app).await {
        warn!("daily mails were not written; trying again: {error:#}");
    }
    let mut sent = 0;
    while !app.is_stopping()
        && let Some(mail) = app.outbox.claim(app.clock.now()).await?
    {
        if let About::Digest { user, .. } = &mail.about
            && app.digests.reader(&app.users, user).await?.is_none()
        {
            app.outbox.forget(&mail).await?; // they do not want it any more, or left
            continue;
        }
        match hand_over(app, &mail).await {
            Ok(()) => {
                note_sent(app, &mail).await?;
                metrics::counter!("lodestone_mails_sent_total").increment(1);
                sent += 1;
            }
            Err(error) => put_off(app, &mail, &error).await?,
        }
    }
    if sent > 0 {
        info!(sent, "sent {sent} mails");
    }
    Ok(sent)
}

/// Orders' mails stay, for the pages of these.
async fn note_sent(app: &AppState, mail: &Mail) -> Result<(), StoreError> {
    if mail.about.order().is_some() {
        app.outbox.sent(mail, app.clock.now()).await
    } else {
        app.outbox.forget(mail).await
    }
}

async fn hand_over(app: &AppState, mail: &Mail) -> anyhow::Result<()> {
    let post = Post::open(&app.config.mail)?.context("this server sends no mail")?;
    post.send(mail, &app.config.origin()).await
}

/// Notes why a mail was not sent, for the page of its order, and when it is tried again.
async fn put_off(app: &AppState, mail: &Mail, error: &anyhow::Error) -> anyhow::Result<()> {
    let why: String = format!("{error:#}").chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    let next = mail.next_try(app.clock.now());
    if next.is_none() && mail.about.order().is_none() {
        app.outbox.forget(mail).await?;
    } else {
        app.outbox.failed(mail, &why, next).await?;
    }
    metrics::counter!("lodestone_mails_failed_total").increment(1);
    let then = next.map_or("given up".to_owned(), |next| format!("tried again {next}"));
    warn!(mail.id, mail.tries, "mail {} was not sent and is {then}: {why}", mail.id);
    Ok(())
}

//! What became of mails, in words.

use super::model::{About, Mail};
use crate::web::filters;

/// What became of mails about orders of one variant, a line for each thing that can be told apart. `is_on`: whether this
/// server sends mail.
pub(crate) fn in_words(mails: &[Mail], is_on: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut told: Vec<&About> = Vec::new();
    for about in mails.iter().map(|mail| &mail.about) {
        if !told.contains(&about) {
            told.push(about);
        }
    }
    for about in told {
        let what = match about {
            About::Ordered(order) => format!("order {}", order.number),
            About::Cancelled(order) => format!("that order {} is cancelled", order.number),
            About::Digest { .. } => continue, // of no variant
        };
        let of_it = || mails.iter().filter(|mail| mail.about == *about);
        let sent: Vec<_> = of_it().filter_map(|mail| mail.sent_at).collect();
        if let Some(last) = sent.iter().max() {
            let addresses = if sent.len() == 1 { "address" } else { "addresses" };
            lines.push(format!("{what}: mailed to {} {addresses}, {}", sent.len(), filters::moment(*last)));
        }
        for mail in of_it().filter(|mail| mail.sent_at.is_none()) {
            let why = mail.failure.as_deref();
            lines.push(match mail.due {
                Some(_) if !is_on => format!("{what}: not mailed yet to {}: this server sends no mail now", mail.to),
                Some(_) => format!("{what}: not mailed yet to {}: {}", mail.to, why.unwrap_or("about to be sent")),
                None => format!("{what}: could not be mailed to {}: {}", mail.to, why.unwrap_or("no reason is known")),
            });
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::model::tests::mail;

    #[test]
    fn nothing_that_was_not_sent_is_left_out() {
        let sent = Mail { sent_at: mail().due, due: None, tries: 1, ..mail() };
        let waits = Mail { failure: Some("refused".into()), to: "b@lab.example".parse().unwrap(), ..mail() };
        let new = Mail { failure: None, to: "c@lab.example".parse().unwrap(), ..mail() };
        let lost =
            Mail { failure: Some("no such box".into()), due: None, to: "d@lab.example".parse().unwrap(), ..mail() };
        let cancelled = Mail { about: About::Cancelled(mail().about.order().unwrap().clone()), ..sent.clone() };
        let mails = [sent.clone(), sent, waits, new.clone(), lost, cancelled];
        assert_eq!(
            in_words(&mails, true),
            [
                "order V-ABCD-2345: mailed to 2 addresses, 2026-01-02 03:04 UTC",
                "order V-ABCD-2345: not mailed yet to b@lab.example: refused",
                "order V-ABCD-2345: not mailed yet to c@lab.example: about to be sent",
                "order V-ABCD-2345: could not be mailed to d@lab.example: no such box",
                "that order V-ABCD-2345 is cancelled: mailed to 1 address, 2026-01-02 03:04 UTC",
            ]
        );
        assert!(in_words(&[new], false)[0].ends_with("this server sends no mail now"));
    }
}

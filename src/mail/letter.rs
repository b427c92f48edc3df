use std::time::SystemTime;

use anyhow::Context as _;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};

use super::model::{About, Mail, OrderOf};
use crate::users::Email;
use crate::web::{filters, urls};

/// What every mail ends with.
const CLOSING: &str = "This mail names no patient, no case and no variant, and none belongs into an answer to it.";

/// The mail as it is sent. It is made of numbers, dates and links only; nothing that people typed is in it.
pub(super) fn letter(mail: &Mail, from: &Email, origin: &str) -> anyhow::Result<Message> {
    let (subject, text) = words(mail, origin);
    let host = from.as_str().rsplit('@').next().unwrap_or_default();
    Message::builder()
        .from(mailbox(from).context("mail.from cannot be written to")?)
        .to(mailbox(&mail.to)?)
        .date(SystemTime::from(mail.queued_at))
        .message_id(Some(format!("<{}@{host}>", mail.id)))
        .subject(subject)
        .header(ContentType::TEXT_PLAIN)
        .body(format!("{text}\r\n\r\n{CLOSING}\r\n"))
        .context("the mail cannot be written")
}

fn mailbox(email: &Email) -> anyhow::Result<Mailbox> {
    Ok(Mailbox::new(None, email.as_str().parse().with_context(|| format!("{email} is no address to send mail to"))?))
}

/// Subject and text.
fn words(mail: &Mail, origin: &str) -> (String, String) {
    let at = filters::moment(mail.queued_at);
    let link = |number: &str| format!("{origin}{}", urls::mailed_order(number));
    match &mail.about {
        About::Ordered(OrderOf { number, .. }) => (
            format!("Validation ordered: {number}"),
            format!(
                "A validation was ordered, {at}: number {number}.\r\n\r\nWhat is to be validated, for those who may read \
                 the case:\r\n{}",
                link(number)
            ),
        ),
        About::Cancelled(OrderOf { number, .. }) => (
            format!("Validation cancelled: {number}"),
            format!(
                "A validation was cancelled, {at}: number {number}. Nothing is to be done for it.\r\n\r\nHow it stands, \
                 for those who may read the case:\r\n{}",
                link(number)
            ),
        ),
        About::Digest { counts, .. } => {
            let waits = counts.in_words().into_iter().filter(|(_, count)| *count > 0);
            let lines: Vec<String> = waits.map(|(what, count)| format!("{what}: {count}")).collect();
            (
                format!("Your work in Lodestone, {}", filters::date(mail.queued_at)),
                format!(
                    "{}\r\n\r\nYour start page:\r\n{origin}/\r\n\r\nYou asked for this mail on the page of your account, and \
                     can stop it there:\r\n{origin}/account",
                    lines.join("\r\n")
                ),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::model::tests::mail;

    #[test]
    fn a_letter_has_number_and_link_and_nothing_else() {
        let from = "lodestone@clinic.example".parse().unwrap();
        let letter = letter(&mail(), &from, "https://clinic.example").unwrap();
        let text = String::from_utf8(letter.formatted()).unwrap();
        for told in [
            "From: lodestone@clinic.example\r\n",
            "To: lab@clinic.example\r\n",
            "Subject: Validation ordered: V-ABCD-2345\r\n",
            "Date: Fri, 02 Jan 2026 03:04:05 +0000\r\n",
            "https://clinic.example/orders/V-ABCD-2345\r\n",
            "@clinic.example>\r\n",
        ] {
            assert!(text.contains(told), "{told}: {text}");
        }
        for kept in ["own", &"a".repeat(26), &"e".repeat(26)] {
            assert!(!text.contains(kept), "{kept}: {text}");
        }
        let order = mail().about.order().unwrap().clone();
        let cancelled = Mail { about: About::Cancelled(order), ..mail() };
        let text = String::from_utf8(super::letter(&cancelled, &from, "https://clinic.example").unwrap().formatted());
        assert!(text.unwrap().contains("Subject: Validation cancelled: V-ABCD-2345\r\n"));
    }

    #[test]
    fn a_letter_about_a_day_counts_what_there_is() {
        let counts = crate::my_work::Counts { mentions: 2, new: 1, ..Default::default() };
        let digest = Mail { about: About::Digest { user: crate::ids::UserId::random(), counts }, ..mail() };
        let (subject, text) = words(&digest, "https://clinic.example");
        assert_eq!(subject, "Your work in Lodestone, 2026-01-02");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["Comments that mention you, not read yet: 2", "New cases that nobody took yet: 1", ""]);
        assert!(lines.contains(&"https://clinic.example/") && lines.contains(&"https://clinic.example/account"));
    }

    proptest::proptest! {
        /// N12: whatever address is stored, the head has the lines that we wrote and no others.
        #[test]
        fn no_address_adds_a_line_to_the_head(name in "\\PC{1,20}", host in "\\PC{3,20}") {
            let Ok(to) = format!("{name}@{host}").parse::<Email>() else { return Ok(()) };
            let from = "lodestone@clinic.example".parse().unwrap();
            if let Ok(letter) = letter(&Mail { to, ..mail() }, &from, "https://clinic.example") {
                let text = String::from_utf8(letter.formatted()).unwrap();
                let head = text.split("\r\n\r\n").next().unwrap();
                let names: Vec<&str> =
                    head.split("\r\n").filter(|line| !line.starts_with(' ')).map(|line| line.split(':').next().unwrap()).collect();
                proptest::prop_assert_eq!(
                    names,
                    ["From", "To", "Date", "Message-ID", "Subject", "Content-Type", "Content-Transfer-Encoding"]
                );
                proptest::prop_assert_eq!(letter.envelope().to().len(), 1);
            }
        }
    }
}

use std::time::SystemTime;

use anyhow::Context as _;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};

use super::model::{About, Mail};
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
    let order = mail.about.order();
    let number = &order.number;
    let link = format!("{origin}{}", urls::mailed_order(number));
    match &mail.about {
        About::Ordered(_) => (
            format!("Validation ordered: {number}"),
            format!(
                "A validation was ordered, {at}: number {number}.\r\n\r\nWhat is to be validated, for those who may read \
                 the case:\r\n{link}"
            ),
        ),
        About::Cancelled(_) => (
            format!("Validation cancelled: {number}"),
            format!(
                "A validation was cancelled, {at}: number {number}. Nothing is to be done for it.\r\n\r\nHow it stands, \
                 for those who may read the case:\r\n{link}"
            ),
        ),
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
        let order = mail().about.order().clone();
        let cancelled = Mail { about: About::Cancelled(order), ..mail() };
        let text = String::from_utf8(super::letter(&cancelled, &from, "https://clinic.example").unwrap().formatted());
        assert!(text.unwrap().contains("Subject: Validation cancelled: V-ABCD-2345\r\n"));
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

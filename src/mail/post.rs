use std::time::Duration;

use anyhow::{Context as _, anyhow};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::letter::letter;
use super::model::Mail;
use super::server::{MailServer, Security};
use crate::config::MailConfig;
use crate::users::Email;

/// How long the server may take for one command, and for a whole mail.
const COMMAND: Duration = Duration::from_secs(20);
const WHOLE: Duration = Duration::from_secs(60);

/// The way to the configured mail server.
pub struct Post {
    server: MailServer,
    from: Email,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl Post {
    /// The way that the configuration says; none where no mail is sent. The password is read anew each time, and connections
    /// are made when there is something to send.
    pub fn open(config: &MailConfig) -> anyhow::Result<Option<Self>> {
        let (Some(server), Some(from)) = (&config.server, &config.from) else { return Ok(None) };
        let host = server.host.as_str();
        let parameters = || TlsParameters::new(host.to_owned()).context("TLS cannot be used");
        let tls = match server.security {
            Security::Plain => Tls::None,
            Security::StartTls => Tls::Required(parameters()?),
            Security::Tls => Tls::Wrapper(parameters()?),
        };
        let own_name = from.as_str().rsplit('@').next().unwrap_or_default();
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(server.port)
            .tls(tls)
            .hello_name(ClientId::Domain(own_name.to_owned()))
            .timeout(Some(COMMAND));
        if !config.user.is_empty() {
            let file = &config.password_file;
            let password = std::fs::read_to_string(file)
                .with_context(|| format!("mail.password_file {} cannot be read", file.display()))?;
            let password = password.trim_end_matches(['\r', '\n']).to_owned();
            transport = transport.credentials(Credentials::new(config.user.clone(), password));
        }
        Ok(Some(Self { server: server.clone(), from: from.clone(), transport: transport.build() }))
    }

    /// Hands a mail over.
    pub(super) async fn send(&self, mail: &Mail, origin: &str) -> anyhow::Result<()> {
        let letter = letter(mail, &self.from, origin)?;
        match tokio::time::timeout(WHOLE, self.transport.send(letter)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(anyhow!("the mail server took longer than {} s", WHOLE.as_secs())),
        }
    }

    /// Whether the server answers and lets us in; says where it is.
    pub async fn look(&self) -> anyhow::Result<String> {
        let answered = tokio::time::timeout(COMMAND, self.transport.test_connection()).await;
        match answered.map_err(|_| anyhow!("it did not answer within {} s", COMMAND.as_secs())) {
            Ok(Ok(true)) => Ok(format!("{}, as {}", self.server, self.from)),
            Ok(Ok(false)) => Err(anyhow!("it answers, but takes no commands")),
            Ok(Err(error)) => Err(error.into()),
            Err(error) => Err(error),
        }
        .with_context(|| {
            format!("{} cannot be used; check mail.server, mail.user and the network between", self.server)
        })
    }
}

/// Whether mail can be sent to an address: not every label of an account is one.
#[must_use]
pub fn is_deliverable(email: &Email) -> bool {
    email.as_str().parse::<lettre::Address>().is_ok()
}

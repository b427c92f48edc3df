//! A real mail server in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A running mail server; it ends with this value.
pub struct MailBox {
    folder: tempfile::TempDir,
    server: Child,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

/// A mail as the server took it.
pub struct Taken {
    pub to: Vec<String>,
    pub text: String,
}

impl MailBox {
    /// Takes mail from everybody on a port of its own.
    pub fn start() -> Self {
        Self::start_at(0, "")
    }

    /// Takes mail on this port; by `smtps` or `starttls` with a password only.
    pub fn start_at(port: u16, tls: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let modules = dirs::cache_dir().unwrap().join("lodestone/mail-1");
        let mut server = Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp_server.py"))
            .arg(folder.path())
            .args([&port.to_string(), tls])
            .env("PYTHONPATH", modules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("`make test` installs the mail server of tests");
        Self { folder, server, port }
    }

    /// Lines of the configuration that name it.
    pub fn lines(&self) -> String {
        configured(self.port)
    }

    /// The certificate that signed the server's.
    pub fn authority(&self) -> std::path::PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What it took, in the order it came.
    pub fn taken(&self) -> Vec<Taken> {
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
        files.sort();
        let read = |path| serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let taken = files.into_iter().map(read).map(|mail| Taken {
            to: mail["to"].as_array().unwrap().iter().map(text).collect(),
            text: text(&mail["text"]),
        });
        taken.collect()
    }
}

/// Lines of the configuration that name a mail server on this machine.
pub fn configured(port: u16) -> String {
    format!("[mail]\nserver = 'smtp://127.0.0.1:{port}'\nfrom = 'lodestone@clinic.example'\n")
}

impl Drop for MailBox {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

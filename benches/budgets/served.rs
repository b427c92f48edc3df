//! The program as a process of its own, and people who ask it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::TestApp;

/// A running server, gone with this value.
pub struct Served {
    process: Child,
    /// `http://127.0.0.1:…`
    pub origin: String,
    /// From nothing to the first answer of `/readyz`.
    pub ready_after: Duration,
}

impl Served {
    /// On the database of `app`, with these variables in its environment.
    pub fn start(app: &TestApp, settings: &[(&str, &str)]) -> Self {
        let began = Instant::now();
        let mut process = Command::new(env!("CARGO_BIN_EXE_lodestone"))
            .arg("--config")
            .arg(app.config())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("LODESTONE_LOG__FORMAT", "json")
            .envs(settings.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut log = BufReader::new(process.stderr.take().expect("its log is read")).lines();
        let address = log
            .find_map(|line| {
                let line: serde_json::Value =
                    serde_json::from_str(&line.expect("a line of text")).expect("one JSON object");
                line["fields"]["address"].as_str().map(str::to_owned)
            })
            .expect("it says where it serves");
        std::thread::spawn(move || log.for_each(drop));
        let answered = || {
            use std::io::{Read as _, Write as _};
            let mut stream = std::net::TcpStream::connect(&address).ok()?;
            stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).ok()?;
            answer.starts_with("HTTP/1.1 200").then_some(())
        };
        while answered().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        Self { process, origin: format!("http://{address}"), ready_after: began.elapsed() }
    }

    fn status(&self, field: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0.0)
    }

    /// Megabytes of memory that it holds.
    pub fn resident_mb(&self) -> f64 {
        self.status("VmRSS") / 1024.0
    }

    /// Connections and files that it has open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process.id())).map_or(0, Iterator::count)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill().and_then(|()| self.process.wait()); // it may have ended
    }
}

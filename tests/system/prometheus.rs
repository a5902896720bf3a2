//! A Prometheus that scrapes the endpoint each second, and what is asked of it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::http::get;
use super::servers::wait;

const ADDRESS: &str = "127.0.0.1:9090";

pub(crate) struct Prometheus {
    _process: Child,
}

impl Prometheus {
    pub(crate) fn scraping(target: &str, folder: &Path) -> Self {
        let config = folder.join("prometheus.yml");
        let text = format!(
            "global: {{ scrape_interval: 1s }}\n\
             scrape_configs: [{{ job_name: mail, static_configs: [{{ targets: ['{target}'] }}] }}]\n"
        );
        fs::write(&config, text).unwrap();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("tsdb").display()
            ))
            .arg(format!("--web.listen-address={ADDRESS}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Prometheus { _process: process }
    }

    /// Asks a query; the number of series in the answer, or what is wrong with it.
    pub(crate) fn ask(&self, query: &str) -> Result<usize, String> {
        let escaped: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let answer = get(ADDRESS, &format!("/api/v1/query?query={escaped}"))?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
        match answer["data"]["result"].as_array() {
            Some(series) => Ok(series.len()),
            None => Err(answer["error"].to_string()),
        }
    }

    /// Waits until a query is answered with anything.
    pub(crate) fn wait_for(&self, query: &str) {
        wait(query, || self.ask(query).is_ok_and(|series| series > 0));
    }
}

/// The queries of all boards, as Grafana would ask them of some seconds.
pub(crate) fn queries(folder: &str) -> Vec<String> {
    let mut queries = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "json") {
            continue;
        }
        let board: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let query = target["expr"].as_str().unwrap();
                queries.push(query.replace("$__rate_interval", "20s"));
            }
        }
    }
    queries
}

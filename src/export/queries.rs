//! The queries that have a name: files of `dashboards/sql`, for engines of all makes.
//!
//! Each begins with comments: what it answers, and which section of the report it is. How they are answered is **not**
//! said here.

/// A query with a name.
#[derive(Clone, Copy, Debug)]
pub struct NamedQuery {
    /// The name, which is that of its file.
    pub name: &'static str,
    /// The file: comments, then SQL.
    pub text: &'static str,
}

impl NamedQuery {
    /// Returns all, by name.
    pub fn all() -> &'static [NamedQuery] {
        QUERIES
    }

    /// Finds a query by its name.
    pub fn named(name: &str) -> Option<&'static NamedQuery> {
        QUERIES.iter().find(|query| query.name == name)
    }

    /// Returns what it answers, in one sentence.
    pub fn about(&self) -> &'static str {
        self.comment(0)
    }

    /// Returns the section of the report that it is about.
    pub fn section(&self) -> &'static str {
        let line = self.comment(1);
        line.strip_prefix("Section of the report: ").unwrap_or(line)
    }

    fn comment(&self, line: usize) -> &'static str {
        let line = self.text.lines().nth(line).unwrap_or_default();
        line.strip_prefix("-- ").unwrap_or_default()
    }
}

macro_rules! queries {
    ($($name:ident,)*) => {
        const QUERIES: &[NamedQuery] = &[$(NamedQuery {
            name: stringify!($name),
            text: include_str!(concat!("../../dashboards/sql/", stringify!($name), ".sql")),
        },)*];
    };
}

queries! {
    accepted_by_day,
    biggest_mails,
    blocklists,
    coverage,
    delays,
    failures_by_destination,
    failures_by_reason,
    families,
    families_inbound,
    greylist,
    login_sources,
    logins,
    mailboxes,
    mailboxes_saved,
    postscreen,
    recipient_domains,
    recipients,
    reject_clients,
    reject_detail,
    reject_trend,
    sender_domains,
    senders,
    sieve,
    slowest_mails,
    smtpd_connections,
    spam_sources,
    tls_sessions,
    top_reject_rules,
    totals,
    traffic_by_day,
    traffic_by_hour,
    unusable_servers,
    verdicts,
    warnings,
    weak_tls,
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn each_file_is_a_query_and_says_what_it_answers() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/dashboards/sql");
        let files = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path());
        let mut files: Vec<String> = files
            .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        files.sort();
        let names: Vec<&str> = NamedQuery::all().iter().map(|query| query.name).collect();
        assert_eq!(names, files);
        for query in NamedQuery::all() {
            assert!(query.about().ends_with('.'), "{}", query.name);
            assert!(!query.section().is_empty(), "{}", query.name);
            assert!(query.text.ends_with('\n'), "{}", query.name);
        }
    }
}

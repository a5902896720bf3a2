//! Lists in the words of the programs that read them.

use std::io::{self, Write};

use super::{Entry, List};

/// Whose form a list has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Form {
    /// `check_client_access cidr:FILE` of Postfix's smtpd.
    PostfixCidr,
    /// `postscreen_access_list = cidr:FILE`.
    PostscreenCidr,
    /// `nft -f FILE`: sets `blocked4` and `blocked6` of the table `inet mailtally`.
    Nftables,
    /// `ipset restore`: sets `mailtally4` and `mailtally6`.
    Ipset,
    /// An address or network a line.
    Plain,
    /// Commands for `fail2ban-client`, one a line.
    Fail2ban,
    /// `cscli decisions import`.
    CrowdsecCsv,
}

impl Form {
    /// All there are.
    pub const ALL: [Form; 7] = [
        Form::PostfixCidr,
        Form::PostscreenCidr,
        Form::Nftables,
        Form::Ipset,
        Form::Plain,
        Form::Fail2ban,
        Form::CrowdsecCsv,
    ];

    /// Returns the name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Form::PostfixCidr => "postfix-cidr",
            Form::PostscreenCidr => "postscreen-cidr",
            Form::Nftables => "nftables",
            Form::Ipset => "ipset",
            Form::Plain => "plain",
            Form::Fail2ban => "fail2ban",
            Form::CrowdsecCsv => "crowdsec-csv",
        }
    }

    /// Returns what reads it, for help.
    pub fn about(self) -> &'static str {
        match self {
            Form::PostfixCidr => "check_client_access cidr:FILE of Postfix",
            Form::PostscreenCidr => "postscreen_access_list = cidr:FILE",
            Form::Nftables => "nft -f FILE: sets blocked4, blocked6 of table inet mailtally",
            Form::Ipset => "ipset restore: sets mailtally4 and mailtally6",
            Form::Plain => "An address or network a line",
            Form::Fail2ban => "Lines for fail2ban-client, jail `postfix`",
            Form::CrowdsecCsv => "cscli decisions import",
        }
    }
}

/// Writes a list; entries go by themselves after so many seconds where the reader can do that.
///
/// # Errors
/// Those of `out`.
pub fn write(
    list: &List,
    form: Form,
    expires: Option<u64>,
    out: &mut impl Write,
) -> io::Result<()> {
    match form {
        Form::PostfixCidr => lines(list, form, expires, " REJECT", out),
        Form::PostscreenCidr => lines(list, form, expires, " reject", out),
        Form::Plain => lines(list, form, expires, "", out),
        Form::Nftables => nftables(list, expires, out),
        Form::Ipset => ipset(list, expires, out),
        Form::Fail2ban => fail2ban(list, out),
        Form::CrowdsecCsv => crowdsec(list, expires, out),
    }
}

/// The first line of files that know comments.
fn head(list: &List, form: Form, expires: Option<u64>, out: &mut impl Write) -> io::Result<()> {
    let name = form.name();
    write!(
        out,
        "# mailtally top --export {name}: {} entries",
        list.entries.len()
    )?;
    match expires {
        Some(seconds) => writeln!(out, ", good for {seconds} s"),
        None => writeln!(out),
    }
}

fn lines(
    list: &List,
    form: Form,
    expires: Option<u64>,
    action: &str,
    out: &mut impl Write,
) -> io::Result<()> {
    head(list, form, expires, out)?;
    for entry in &list.entries {
        writeln!(out, "# {}\n{}{action}", entry.evidence, entry.network)?;
    }
    Ok(())
}

/// The two families, each with its entries: sets hold one of them.
fn families(list: &List) -> [(&'static str, Vec<&Entry>); 2] {
    let of = |is_ipv4: bool| {
        let entries = list.entries.iter();
        entries
            .filter(|entry| entry.network.is_ipv4() == is_ipv4)
            .collect()
    };
    [("4", of(true)), ("6", of(false))]
}

/// Sets are made where they are not there, and emptied: rules that look at them stay.
fn nftables(list: &List, expires: Option<u64>, out: &mut impl Write) -> io::Result<()> {
    head(list, Form::Nftables, expires, out)?;
    writeln!(out, "table inet mailtally {{")?;
    for version in ["4", "6"] {
        writeln!(out, "  set blocked{version} {{")?;
        writeln!(out, "    type ipv{version}_addr")?;
        writeln!(out, "    flags interval, timeout")?;
        writeln!(out, "  }}")?;
    }
    writeln!(out, "}}")?;
    let timeout = expires.map(|seconds| format!(" timeout {seconds}s"));
    let timeout = timeout.unwrap_or_default();
    for (version, entries) in families(list) {
        writeln!(out, "flush set inet mailtally blocked{version}")?;
        for Entry {
            network, evidence, ..
        } in entries
        {
            writeln!(out, "# {evidence}")?;
            writeln!(
                out,
                "add element inet mailtally blocked{version} {{ {network}{timeout} }}"
            )?;
        }
    }
    Ok(())
}

fn ipset(list: &List, expires: Option<u64>, out: &mut impl Write) -> io::Result<()> {
    head(list, Form::Ipset, expires, out)?;
    let seconds = expires.unwrap_or(0);
    for (version, entries) in families(list) {
        let family = if version == "4" { "inet" } else { "inet6" };
        writeln!(
            out,
            "create mailtally{version} hash:net family {family} maxelem 1048576 timeout {seconds} -exist"
        )?;
        writeln!(out, "flush mailtally{version}")?;
        for Entry {
            network, evidence, ..
        } in entries
        {
            writeln!(out, "# {evidence}")?;
            writeln!(
                out,
                "add mailtally{version} {network} timeout {seconds} -exist"
            )?;
        }
    }
    Ok(())
}

/// `fail2ban-client` knows no comments; the jail's own time decides when entries go.
fn fail2ban(list: &List, out: &mut impl Write) -> io::Result<()> {
    let mut entries = list.entries.iter();
    entries.try_for_each(|entry| writeln!(out, "set postfix banip {}", entry.network))
}

fn crowdsec(list: &List, expires: Option<u64>, out: &mut impl Write) -> io::Result<()> {
    let (column, duration) = match expires {
        Some(seconds) => ("duration,", format!("{seconds}s,")),
        None => ("", String::new()),
    };
    writeln!(out, "{column}scope,value,type,reason")?;
    for entry in &list.entries {
        let scope = if entry.network.is_single() {
            "ip"
        } else {
            "range"
        };
        let (network, evidence) = (entry.network, &entry.evidence);
        writeln!(
            out,
            "{duration}{scope},{network},ban,\"mailtally: {evidence}\""
        )?;
    }
    Ok(())
}

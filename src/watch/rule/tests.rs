use super::*;

fn with(text: &str) -> Result<Vec<Rule>, String> {
    let rules = read_rules(&[text.to_owned()]);
    rules
        .map(|rules| rules.list)
        .map_err(|error| error.to_string())
}

#[test]
fn the_built_in_rules_can_be_read_and_have_names_of_their_own() {
    let rules = builtin().unwrap().list;
    let mut names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    assert!(names.len() >= 8);
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), rules.len());
}

#[test]
fn a_site_changes_adds_and_switches_off() {
    let rules = with(
        "[[rule]]\nname = 'relay-probe'\ncount = 7\n\
         [[rule]]\nname = 'lost-lines'\nenabled = false\n\
         [[rule]]\nname = 'own'\nabout = 'a'\nnext = 'b'\nclass = 'page'\nseverity = 'info'\n\
         key = ['all']\nwithin = '5m'\non = [{ kinds = ['smtpd_connect'] }]\n",
    )
    .unwrap();
    let find = |name: &str| rules.iter().find(|rule| rule.name == name);
    let probe = find("relay-probe").unwrap();
    assert_eq!((probe.signs[0].count, probe.within_us), (7, 600_000_000));
    assert!(find("lost-lines").is_none());
    assert_eq!(find("own").unwrap().signs[0].count, 1);
}

#[test]
fn what_makes_no_sense_is_said_in_one_line() {
    for (text, expected) in [
        (
            "[[rule]]\nname = 'relay-probe'\ncuont = 7",
            "no key `cuont`; the nearest is `count`",
        ),
        (
            "[[rule]]\nname = 'relay-probe'\nwithin = '5 minutes'",
            "`within` is a number",
        ),
        ("[[rule]]\nname = 'relay-probe'\ncount = 0", "above 0"),
        (
            "[[rule]]\nname = 'relay-probe'\nhabit = { times = 5, percentile = 990, hours = 20 }",
            "between 1 and 100",
        ),
        (
            "[[rule]]\nname = 'relay-probe'\nkey = ['adress']",
            "nearest is `address`",
        ),
        (
            "[[rule]]\nname = 'relay-probe'\non = [{ kinds = ['smtpd_rejct'] }]",
            "nearest is `smtpd_reject`",
        ),
        (
            "[[rule]]\nname = 'relay-probe'\non = [{ where = ['pid=1'] }]",
            "`kinds` or",
        ),
        ("[[rule]]\nname = 'new'", "missing field"),
        ("[[rule]]\ncount = 7", "rule 1 has no name"),
        ("[rules]\nx = 1", "unknown key `rules`"),
        ("[[rule]\n", "line 1"),
    ] {
        let error = with(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

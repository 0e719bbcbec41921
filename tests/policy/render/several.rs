//! `mcp-policy render` for several servers behind one Envoy, and for a candidate in shadow mode.

use serde_json::json;

use crate::folder::Folder;
use crate::program::{Done, run};

/// Writes a policy of a server, and returns its path.
fn policy(folder: &Folder, file: &str, server: &str, mode: &str) -> String {
    let document = json!({ "version": "1", "server": server, "mode": mode, "tools": { "a$b": {} } });
    folder.with(file, document.to_string())
}

fn render(arguments: &[&str]) -> Done {
    run(&[&["render"], arguments].concat(), "")
}

#[test]
fn each_of_several_servers_has_its_route_and_its_policy() {
    let folder = Folder::new("several-servers");
    let (files, mail) = (
        policy(&folder, "files.json", "files", "enforce"),
        policy(&folder, "mail.json", "mail-1", "enforce"),
    );
    let upstreams = ["--upstream", "mail-1=127.0.0.1:8001", "--upstream", "files=[::1]:8002"];
    for target in ["envoy", "compose"] {
        let done = render(&[&[files.as_str(), &mail, "--for", target], &upstreams[..]].concat());
        assert_eq!(done.code, 0, "{}", done.stderr);
        for expected in [
            "in front of 2 MCP servers",
            "match: { path: \"/files\" }",
            "route: { cluster: mcp_server_mail-1, prefix_rewrite: /mcp, timeout: 0s }",
            "- name: mcp_policy_files\n",
            "root_id: mcp_policy_mail-1\n",
            "- name: mcp_policy_closed\n",
            "address: \"::1\", port_value: 8002",
        ] {
            assert!(done.stdout.contains(expected), "{target} {expected}\n{}", done.stdout);
        }
        assert_eq!(done.stdout.matches("disabled: true\n").count(), 4, "{}", done.stdout);
        // The policies are found again, each by its server.
        let file = folder.with("rendered.yaml", &done.stdout);
        for server in ["files", "mail-1"] {
            let explained = run(&["explain", &format!("{file}#{server}"), "--call", "a$b"], "");
            assert_eq!(explained.code, 0, "{}{}", explained.stdout, explained.stderr);
        }
        assert_eq!(run(&["explain", &format!("{file}#closed"), "--call", "a$b"], "").code, 2);
    }
}

#[test]
fn a_candidate_in_shadow_mode_runs_in_front_of_the_policy() {
    let folder = Folder::new("candidate");
    let (own, candidate) =
        (policy(&folder, "own.json", "s", "enforce"), policy(&folder, "candidate.json", "s", "shadow"));
    for target in ["envoy", "compose"] {
        let done = render(&[&own, "--for", target, "--shadow", &candidate]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        let at = |part: &str| done.stdout.find(part).unwrap_or_else(|| panic!("{part}\n{}", done.stdout));
        assert!(at("- name: mcp_policy_candidate\n") < at("- name: mcp_policy\n"), "{}", done.stdout);
        at(r#","mcp_shadow":[%FILTER_STATE(wasm.mcp_policy_shadow:PLAIN)%]}"#);
        assert_eq!(run(&["check", "-"], &done.stdout).code, 0);
    }
    assert!(!render(&[&own, "--for", "envoy"]).stdout.contains("shadow:PLAIN"));
}

#[test]
fn policies_that_do_not_fit_each_other_are_refused() {
    let folder = Folder::new("servers-unfit");
    let make = |file: &str, server: &str, mode: &str| policy(&folder, file, server, mode);
    let (a, b, again) = (make("a", "a", "enforce"), make("b", "b", "enforce"), make("c", "a", "enforce"));
    let (shadow, of_b) = (make("d", "a", "shadow"), make("e", "b", "shadow"));
    let (odd, closed) = (make("f", "x y", "enforce"), make("g", "closed", "enforce"));
    let (to_a, to_b) = ("a=h:1", "b=h:2");
    let table: [(&[&str], &str); 12] = [
        (&[&a, &b], "`--upstream a=HOST:PORT`"),
        (&[&a, &b, "--upstream", to_a], "`--upstream b=HOST:PORT`"),
        (&[&a, &b, "--upstream", "h:1"], "`--upstream a=HOST:PORT`"),
        (&[&a, &b, "--upstream", to_a, "--upstream", to_a, "--upstream", to_b], "`--upstream a=HOST:PORT`"),
        (&[&a, &b, "--upstream", to_a, "--upstream", to_b, "--upstream", "c=h:3"], "`c=h:3` names no server"),
        (&[&a, &b, "--upstream", "a=h", "--upstream", to_b], "is not a host and a port"),
        (&[&a, &again, "--upstream", to_a], "two policies have the `server` `a`"),
        (&[&a, &odd, "--upstream", to_a], "`x y`: of several policies it becomes a path"),
        (&[&closed, &a, "--upstream", to_a], "cannot be `closed`"),
        (&[&a, "--upstream", "h:1", "--upstream", "h:2"], "--upstream is given several times"),
        (&[&a, "--shadow", &b], "must have `\"mode\": \"shadow\"`"),
        (&[&a, "--shadow", &of_b], "its `server` is `b`, and that of the policy in force is `a`"),
    ];
    for (arguments, expected) in table {
        let done = render(&[arguments, &["--for", "envoy"]].concat());
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{arguments:?}");
        assert!(done.stderr.contains(expected), "{arguments:?}: {}", done.stderr);
    }
    let done = render(&[&a, &b, "--shadow", &shadow, "--for", "envoy"]);
    assert!(done.stderr.contains("--shadow is for one policy"), "{}", done.stderr);
    let mesh = ["--for", "istio-envoyfilter", "--selector", "a=b"];
    for (arguments, expected) in [
        (&[&a, &b][..], "several policies are for Envoy by itself"),
        (&[&a, &"--shadow".to_owned(), &shadow], "--shadow is for Envoy by itself"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(|text| text.as_str()).collect();
        let done = render(&[&arguments[..], &mesh].concat());
        assert_eq!(done.code, 1);
        assert!(done.stderr.contains(expected), "{}", done.stderr);
    }
}

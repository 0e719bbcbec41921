//! Starting the service.

use std::io::{BufRead as _, BufReader};

use super::service::Folder;

/// Starts the service without a configuration. Returns what it prints until it serves.
fn printed(folder: &Folder) -> Vec<String> {
    let mut command = folder.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut printed: Vec<String> = Vec::new();
    for line in lines {
        let serves = line.starts_with("port=");
        printed.push(line);
        if serves {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    printed
}

// The tests with a real Envoy start the service in a terminal.
#[test]
fn without_a_terminal_the_service_prints_no_link_and_no_token_but_the_commands_that_make_them() {
    for folder in Folder::each("") {
        let make = |arguments: &[&str]| {
            let output = folder.command(arguments).output().unwrap();
            assert!(output.status.success(), "{arguments:?}");
        };
        // The second start has nothing to find either.
        for _ in 0..2 {
            let printed = printed(&folder);
            assert_eq!(printed.len(), 4, "{printed:?}");
            assert!(printed[0].contains("`mcp-approvals invite NAME`"), "{printed:?}");
            assert!(printed[1].contains("`mcp-approvals caller envoy`"), "{printed:?}");
            assert!(printed.iter().all(|line| !line.contains("/invitations/")), "{printed:?}");
            let words = || printed.iter().flat_map(|line| line.split(' '));
            assert!(words().all(|word| word.len() < 64), "{printed:?}");
        }
        make(&["invite", "anna"]);
        assert_eq!(printed(&folder).len(), 3);
        make(&["caller", "envoy"]);
        assert_eq!(printed(&folder).len(), 1);
    }
}

#[test]
fn an_invalid_configuration_is_refused_with_all_of_its_faults() {
    for (text, faults) in [
        ("lisen = \"x\"\n[[roles]]\nmay = \"all\"\n", 3),
        ("listen = \n", 1),
        ("[tls]\ncertificate = \"no.pem\"\nkey = \"no.key\"\n", 1),
    ] {
        let folder = Folder::new(text);
        let mut command = folder.command(&["serve", "--config", "approvals.toml"]);
        let output = command.stderr(std::process::Stdio::piped()).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), errors.lines().count()), (Some(2), faults), "{errors}");
    }
}

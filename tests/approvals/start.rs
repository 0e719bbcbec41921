//! Starting the service.

use std::io::{BufRead as _, BufReader};

use super::service::Folder;

#[test]
fn the_first_start_prints_a_link_and_a_token_once() {
    let folder = Folder::new("");
    // No role is configured, so `Folder::serve` could not create a token for Ann.
    let mut command = folder.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut starts = Vec::new();
    for _ in 0..2 {
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
        starts.push(printed);
    }
    assert_eq!(starts[0].len(), 5, "{starts:?}");
    assert!(starts[0][1].contains("/invitations/") && starts[0][3].trim().len() == 64, "{starts:?}");
    assert_eq!(starts[1].len(), 1, "{starts:?}");
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

//! What is refused, and how it is said: exit codes of the command line, JSON of the API.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    process::Command,
};

use serde_json::Value;

use crate::{
    config,
    rig::{Rig, ani},
};

#[test]
fn exit_codes_say_what_went_wrong() {
    let rig = Rig::new(&config(""));
    let nowhere = rig.path("nowhere.sock");
    let unreachable = ani(&["--socket", &nowhere, "status"]);
    assert_eq!(unreachable.code, 3);
    assert_eq!(
        unreachable.stderr,
        format!(
            "ani: daemon not reachable at {nowhere}: is `ani run` running? (--socket chooses another)\n"
        )
    );
    assert_eq!(ani(&["stauts"]).code, 2);
    assert_eq!(ani(&["--help"]).code, 0);
    assert_eq!(ani(&["--version"]).stdout, format!("ani {}\n", env!("CARGO_PKG_VERSION")));
    let file = rig.path("ani.toml");
    fs::write(&file, "[capture]\nsip_ports = [0]\n").expect("write");
    let refused = ani(&["check-config", &file]);
    assert_eq!(refused.code, 2);
    assert_eq!(
        refused.stderr,
        format!("ani: {file}:2: capture.sip_ports: 0 is no port; write a number from 1 to 65535\n")
    );
    fs::write(&file, config("")).expect("write");
    let accepted = ani(&["check-config", &file]);
    assert_eq!(accepted.code, 0);
    assert!(accepted.stdout.contains("1 trunk, 1 source network, limit none"));
    let sample = ani(&["check-config", "--sample"]);
    fs::write(&file, &sample.stdout).expect("write");
    assert_eq!(ani(&["check-config", &file, "--json"]).code, 0);
    assert!(ani(&["completions", "bash"]).stdout.contains("_ani"));
}

#[test]
fn who_may_not_write_to_the_socket_is_told_so() {
    const NOBODY: u32 = 65_534;
    let rig = Rig::new(&config(""));
    let socket = rig.path("ani.sock");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ani"));
    command.args(["--socket", &socket, "status"]);
    if fs::metadata("/proc/self").expect("proc").uid() == 0 {
        // Root may write anywhere: ask as somebody who may not.
        command.uid(NOBODY).gid(NOBODY);
    } else {
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o000)).expect("chmod");
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            println!("skipped: another user cannot run the binary here: {error}");
            return;
        }
    };
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("use root, or a user of the socket's group"), "{stderr}");
}

#[test]
fn requests_that_make_no_sense_are_answered_in_json() {
    let rig = Rig::new(&config(""));
    for (method, path, body, status) in [
        ("GET", "/v2/status", "", 404),
        ("DELETE", "/v1/status", "", 405),
        ("GET", "/v1/top/callers?n=x", "", 400),
        ("GET", "/v1/top/callers?by=name", "", 400),
        ("GET", "/v1/callers/bob", "", 400),
        ("GET", "/v1/callers/%ff", "", 400),
        ("POST", "/v1/block", "{", 400),
        ("POST", "/v1/block", r#"{"numbers": []}"#, 400),
        ("POST", "/v1/block", r#"{"numbers": ["+14155550001"], "tll": "1h"}"#, 400),
        ("POST", "/v1/block", r#"{"numbers": ["+14155550001"], "ttl": "0s"}"#, 400),
        ("POST", "/v1/block", r#"{"numbers": ["+14155550001"], "reason": "a\nb"}"#, 400),
        ("PUT", "/v1/limits", "{}", 400),
        ("PUT", "/v1/limits", r#"{"per_caller": {"calls": 0, "within": "1m"}}"#, 400),
        ("POST", "/v1/block/import?colour=red", "", 400),
        ("POST", "/v1/block/import", "\u{fffd}", 400),
    ] {
        let (answered, document) = rig.request(method, path, body.as_bytes());
        assert_eq!(answered, status, "{method} {path} {body}: {document}");
        let document: Value = serde_json::from_str(&document).expect("json");
        assert!(document["error"].as_str().is_some_and(|error| !error.is_empty()), "{path}");
    }
    let (status, document) = rig.request("POST", "/v1/block", &vec![b' '; (1 << 20) + 1]);
    assert_eq!(status, 413);
    assert!(document.contains("the body is too large"));
    let (status, document) = rig.request("POST", "/v1/block/import", b"+14155550001\n\xff");
    assert_eq!((status, document.contains("line 2 is no UTF-8 text")), (400, true));
    assert!(rig.enforced().is_empty());
}

//! Two sockets: one takes everything, the other what only looks; and who may do what, as other users.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixStream,
    },
    path::Path,
    process::{Command, Output},
};

use ani_user::{
    config::Config,
    control::{routes, socket::Socket},
};

use crate::{
    config,
    log::Log,
    rig::{Rig, ani, exchange},
};

const NOBODY: u32 = 65_534;
const NUMBER: &str = "+14155550066";

/// A request at the socket for looking.
fn look(rig: &Rig, method: &str, path: &str, body: &[u8]) -> (u16, String) {
    let stream = UnixStream::connect(rig.path("read.sock")).expect("connect");
    exchange(stream, method, path, body)
}

#[test]
fn no_changing_route_is_reached_on_the_socket_for_looking() {
    let rig = Rig::new(&config("[[list]]\nname = 'x'\naction = 'block'\n"));
    let routes = routes();
    assert!(routes.iter().all(|route| route.changes == (route.method != "GET")));
    let admin = rig.path("ani.sock");
    let (mut looked, mut refused) = (0, 0);
    for route in &routes {
        let path =
            route.path.replace("{name}", "x").replace("{number}", NUMBER).replace("{id}", "1");
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let row = routes.iter().find(|row| (row.method, row.path) == (method, route.path));
            let (status, answer) = look(&rig, method, &path, b"{}");
            match row {
                Some(row) if row.changes => {
                    refused += 1;
                    assert_eq!(status, 403, "{method} {path}: {answer}");
                    assert!(answer.contains("this socket is for looking"), "{answer}");
                    assert!(answer.contains(&admin), "{answer}");
                }
                Some(_) => {
                    looked += 1;
                    assert_ne!(status, 403, "{method} {path}");
                    assert_ne!(status, 405, "{method} {path}");
                }
                None => assert_eq!(status, 405, "{method} {path}: {answer}"),
            }
        }
    }
    assert!(looked >= 10 && refused >= 10, "{looked} {refused}");
    // What would be done at the other socket is not done here, however large it is.
    let body = format!("{{\"numbers\": [\"{NUMBER}\"]}}");
    assert_eq!(look(&rig, "POST", "/v1/block", body.as_bytes()).0, 403);
    let import = vec![b'\n'; 4 << 20];
    assert_eq!(look(&rig, "POST", "/v1/block/import", &import).0, 403);
    assert!(rig.enforced().is_empty());
    assert_eq!(rig.request("POST", "/v1/block", body.as_bytes()).0, 200);
    assert_eq!(rig.enforced(), [NUMBER.trim_start_matches('+')]);
    let status = |(status, text): (u16, String)| {
        let document: serde_json::Value = serde_json::from_str(&text).expect("json");
        (status, document["block_list"].clone())
    };
    assert_eq!(
        status(look(&rig, "GET", "/v1/status", b"")),
        status(rig.request("GET", "/v1/status", b""))
    );
}

/// Some group of this machine that is not root's.
fn group() -> (String, u32) {
    let groups = fs::read_to_string("/etc/group").expect("groups");
    let mut groups = groups.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some((name, fields.nth(1)?.parse().ok()?))
    });
    groups.find(|(_, id)| ![0, NOBODY].contains(id)).expect("a group beside root's")
}

/// Runs a command as nobody, who is in some groups too.
fn as_nobody(rig: &Rig, groups: &[u32], arguments: &[&str]) -> Output {
    let own = rig.path("ani");
    if !Path::new(&own).exists() {
        // Where it was built, others may not be allowed to go.
        let built = env!("CARGO_BIN_EXE_ani");
        fs::hard_link(built, &own).or_else(|_| fs::copy(built, &own).map(drop)).expect("a binary");
        let folder = Path::new(&own).parent().expect("a folder");
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("permissions");
    }
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={NOBODY}")).arg(format!("--regid={NOBODY}"));
    let groups: Vec<_> = groups.iter().map(ToString::to_string).collect();
    match groups.as_slice() {
        [] => command.arg("--clear-groups"),
        groups => command.arg(format!("--groups={}", groups.join(","))),
    };
    command.arg(own).args(["--socket", &rig.path("ani.sock")]).args(arguments);
    command.output().expect("setpriv")
}

#[test]
fn the_groups_decide_who_may_look_and_who_may_change() {
    if fs::metadata("/proc/self").expect("proc").uid() != 0 {
        println!("skipped: only root can run commands as others");
        return;
    }
    let (name, group) = group();
    let rig = Rig::new(&config(&format!("[control]\nread_group = '{name}'\n")));
    let reading = fs::metadata(rig.path("read.sock")).expect("a socket");
    assert_eq!((reading.gid(), reading.permissions().mode() & 0o777), (group, 0o660));
    let all = fs::metadata(rig.path("ani.sock")).expect("a socket");
    assert_eq!((all.gid(), all.permissions().mode() & 0o777), (0, 0o660));

    let looks: [&[&str]; 6] = [
        &["status"],
        &["top", "callers"],
        &["list"],
        &["block", "list"],
        &["limit", "list"],
        &["trunk", "lint"],
    ];
    let changes: [&[&str]; 4] = [
        &["block", "add", NUMBER],
        &["limit", "set", "1 per 1s"],
        &["list", "mode", "gray", "observe"],
        &["limit", "reset"],
    ];
    // In neither group, in that for looking, in the daemon's.
    for (groups, may_look, may_change) in
        [(&[][..], false, false), (&[group], true, false), (&[0], true, true)]
    {
        for (commands, may, both) in
            [(&looks[..], may_look, true), (&changes[..], may_change, false)]
        {
            for command in commands {
                let output = as_nobody(&rig, groups, command);
                let stderr = String::from_utf8_lossy(&output.stderr);
                let code = if may { 0 } else { 4 };
                assert_eq!(output.status.code(), Some(code), "{groups:?} {command:?}: {stderr}");
                if !may {
                    assert!(stderr.contains("ani.sock (group `root`)"), "{stderr}");
                    assert!(stderr.contains("`id -nG`"), "{stderr}");
                    assert_eq!(stderr.contains(&format!("read.sock (group `{name}`)")), both);
                }
            }
        }
        assert_eq!(rig.enforced().len(), usize::from(may_change), "{groups:?}");
    }
    // Whoever names the socket for looking is told why that one changes nothing.
    let read = rig.path("read.sock");
    let refused = ani(&["--socket", &read, "block", "rm", NUMBER]);
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("changes something"), "{}", refused.stderr);
    assert_eq!(ani(&["--socket", &read, "status"]).code, 0);
}

#[test]
fn a_group_that_is_not_there_is_said_with_the_remedy() {
    let rig = Rig::new(&config(""));
    let file = rig.path("ani.toml");
    let text =
        config("[capture]\ninterfaces = ['eth0']\n[control]\nread_group = 'no-such-group'\n");
    fs::write(&file, &text).expect("write");
    let refused = ani(&["run", "--config", &file]);
    assert_eq!(refused.code, 2);
    assert_eq!(
        refused.stderr,
        format!(
            "ani: {file}: control.read_group: there is no group `no-such-group`; make it with \
             `groupadd --system no-such-group`, or write \"\" for the daemon's own\n"
        )
    );
    let control = Config::parse(&text, "ani.toml").expect("a configuration").control;
    let control = control.at(Path::new(&rig.path("other/ani.sock")));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let bound = runtime.expect("runtime").block_on(Socket::bind_read(&control));
    assert!(bound.expect_err("no group").to_string().contains("no group `no-such-group`"));
}

#[test]
fn the_log_says_who_changed_what_and_no_number() {
    let log = Log::of_all();
    let rig = Rig::new(&config(
        "[[list]]\nname = 'logged'\naction = 'block'\n\
         [[limit]]\nname = 'counted'\ncalls = 7\nwithin = '1m'\nper = ['trunk']\n",
    ));
    let numbers = format!("{{\"numbers\": [\"{NUMBER}\"]}}");
    for (method, path, body, said) in [
        ("POST", "/v1/lists/logged", &*numbers, "added to list `logged`: 1 new, 0 replaced"),
        ("DELETE", "/v1/lists/logged", &*numbers, "took 1 off list `logged`"),
        (
            "POST",
            "/v1/lists/logged/import",
            NUMBER,
            "imported into list `logged`: 1 new, 0 replaced",
        ),
        (
            "POST",
            "/v1/lists/logged/import?replace=true",
            "",
            "imported into list `logged`: 0 new, 0 replaced, 1 removed",
        ),
        (
            "PUT",
            "/v1/lists/logged/mode",
            r#"{"mode": "enforce"}"#,
            "set the mode of list `logged`: it is enforce",
        ),
        (
            "PUT",
            "/v1/limits",
            r#"{"per_caller": {"calls": 77, "within": "7m"}}"#,
            "set the limit of each caller: 77 per 7m",
        ),
        (
            "PUT",
            "/v1/limits/named/counted",
            r#"{"rate": "9 per 1m", "mode": "enforce"}"#,
            "set limit `counted`: it is 9 per 1m, enforce",
        ),
        (
            "DELETE",
            "/v1/limits/named/counted",
            "",
            "reset limit `counted`: it is 7 per 1m, observe",
        ),
        ("POST", "/v1/habits/lessons", r#"{"within": "10m"}"#, "began lesson "),
    ] {
        let (status, answer) = rig.request(method, path, body.as_bytes());
        assert_eq!(status, 200, "{method} {path}: {answer}");
        let text = log.text();
        // Other tests write into the same log: theirs are told of commands, which are other processes.
        let who = format!("(uid {}, pid {}) ", uid(), std::process::id());
        let line = text.lines().find(|line| line.contains(said) && line.contains(&who));
        assert!(line.is_some_and(|line| line.contains(" INFO ")), "{said} by {who}: {text}");
    }
    assert!(!log.text().contains(NUMBER.trim_start_matches('+')), "{}", log.text());
}

/// Of whoever runs the tests.
fn uid() -> u32 {
    fs::metadata("/proc/self").expect("proc").uid()
}

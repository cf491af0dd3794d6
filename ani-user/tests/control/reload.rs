//! The configuration, read again: `ani reload`, and what the daemon makes of a changed file.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ani_user::{
    config::{Config, Control, Error, Store},
    control::Surroundings,
};
use serde_json::{Value, json};

use crate::{config, log::Log, rig::Rig};

/// A file, and whoever else takes it: what they were given and told.
struct Others {
    file: PathBuf,
    control: Control,
    store: Store,
    /// Trunks of each configuration that was to be taken.
    configured: Mutex<Vec<String>>,
    taken: AtomicUsize,
    told: Mutex<Vec<String>>,
    /// So many are not taken.
    fail: AtomicUsize,
}

impl Surroundings for Others {
    fn file(&self) -> &Path {
        &self.file
    }

    fn load(&self) -> Result<Config, Error> {
        // Long enough for two reloads to meet.
        std::thread::sleep(Duration::from_millis(20));
        let (control, store) = (self.control.clone(), self.store.clone());
        Ok(Config { control, store, ..Config::load(&self.file)? })
    }

    fn configure(&self, config: &Config) -> anyhow::Result<()> {
        let names: Vec<_> = config.trunks.iter().map(|trunk| trunk.name.as_str()).collect();
        self.configured.lock().expect("lock").push(names.join(" "));
        let less = |left: usize| left.checked_sub(1);
        match self.fail.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
            Ok(_) => anyhow::bail!("the map is gone"),
            Err(_) => Ok(()),
        }
    }

    fn taken(&self, _config: Arc<Config>) {
        self.taken.fetch_add(1, Ordering::SeqCst);
    }

    fn begins(&self) {
        self.told.lock().expect("lock").push("begins".to_owned());
    }

    fn ended(&self, how: &str) {
        self.told.lock().expect("lock").push(how.to_owned());
    }
}

/// A rig that was started with a file.
fn rig(text: &str) -> (Rig, Arc<Others>) {
    let rig = Rig::new(text);
    let Config { control, store, .. } = (*rig.daemon().config()).clone();
    let others = Arc::new(Others {
        file: rig.path("ani.toml").into(),
        control,
        store,
        configured: Mutex::default(),
        taken: AtomicUsize::new(0),
        told: Mutex::default(),
        fail: AtomicUsize::new(0),
    });
    fs::write(&others.file, text).expect("write");
    rig.daemon().reload_through(Arc::clone(&others) as _);
    (rig, others)
}

const SPAM: &str = "[[list]]\nname = 'spam'\naction = 'gray'\n";
const OTHER: &str = "[[trunk]]\nname = 'carrier-b'\nsources = ['198.51.100.0/24']\n";

#[test]
fn a_reload_says_what_it_changed_and_a_check_changes_nothing() {
    let log = Log::of_all();
    let (rig, others) = rig(&config(SPAM));
    let file = rig.path("ani.toml");
    assert_eq!(rig.text(&["reload"]), format!("nothing changed: {file} says what is in force\n"));
    let lists = SPAM.replace("gray", "block");
    let more = format!("{lists}{OTHER}[limits]\nper_caller = {{ calls = 27, within = '1m' }}\n");
    fs::write(&file, config(&more).replace("192.0.2.0/24", "192.0.2.0/25")).expect("write");
    let lines = "trunk carrier-a: sources: + 192.0.2.0/25 - 192.0.2.0/24\n\
                 trunk carrier-b: new: sources 198.51.100.0/24; country none; profile generic\n\
                 limits.per_caller: none -> 27 per 1m\n\
                 list spam: action: gray -> block\n";
    let before =
        (others.configured.lock().expect("lock").len(), others.taken.load(Ordering::SeqCst));
    assert_eq!(
        rig.text(&["reload", "--check"]),
        format!("{lines}nothing was taken: `ani reload` without --check takes it\n")
    );
    let after =
        (others.configured.lock().expect("lock").len(), others.taken.load(Ordering::SeqCst));
    assert_eq!((before, rig.limit()), (after, None));
    assert_eq!(rig.text(&["reload"]), format!("{lines}{file} is in force\n"));
    assert_eq!(rig.limit().as_deref(), Some("27 per 1m"));
    assert_eq!(rig.daemon().config().trunks.len(), 2);
    assert_eq!(others.configured.lock().expect("lock").last().expect("one"), "carrier-a carrier-b");
    let logged = log.text();
    for line in lines.lines().chain([&*format!("{file} is in force: 4 changes")]) {
        assert!(logged.lines().any(|logged| logged.ends_with(line)), "{line}: {logged}");
    }
    assert!(logged.contains(&format!("had {file} read again: 4 changes")), "{logged}");
    assert_eq!(rig.json(&["reload"])["changes"], json!([]));
}

#[test]
fn what_only_a_restart_takes_is_marked_each_time() {
    let (rig, _others) = rig(&config(""));
    let file = rig.path("ani.toml");
    fs::write(&file, config("[lists]\nmax_entries = 77\n[capture]\nsip_ports = [5080]\n"))
        .expect("write");
    let pending = "lists.max_entries: 10000000 -> 77 (needs a restart)\n";
    let in_force = format!("{file} is in force, but for what needs a restart\n");
    assert_eq!(
        rig.text(&["reload"]),
        format!("capture.sip_ports: + 5080 - 5060\n{pending}{in_force}")
    );
    assert_eq!(rig.text(&["reload"]), format!("{pending}{in_force}"));
    assert_eq!(rig.daemon().config().lists.max_entries, 10_000_000);
    let document = rig.json(&["reload", "--check"]);
    let change = json!({
        "of": null, "name": null, "key": "lists.max_entries", "change": "value", "old": "10000000",
        "new": "77", "added": null, "removed": null, "restart": true, "note": null,
        "line": pending.trim_end(),
    });
    assert_eq!((&document["changes"], &document["taken"]), (&json!([change]), &json!(false)));
}

#[test]
fn a_file_that_cannot_be_used_is_refused_and_nothing_changes() {
    let (rig, others) = rig(&config(""));
    let file = rig.path("ani.toml");
    let feed = rig.path("feed.csv");
    fs::write(&feed, "+14155550001\nbanana\n").expect("write");
    let fed = format!("[[list]]\nname = 'feed'\naction = 'block'\nfile = '{feed}'\n{OTHER}");
    for (text, says) in [
        (
            config("[capture]\nsip_ports = [0]\n"),
            format!("{file}:6: capture.sip_ports: 0 is no port"),
        ),
        (config("colour = 1\n"), format!("{file}:5: unknown field `colour`")),
        (config(&fed), format!("list `feed`: {feed}: nothing was imported: 1 line is wrong")),
    ] {
        fs::write(&file, text).expect("write");
        for arguments in [&["reload"][..], &["reload", "--check"]] {
            let refused = rig.ani(arguments);
            assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
            let says = format!("ani: reload refused, the old configuration stays: {says}");
            assert!(refused.stderr.starts_with(&says), "{}", refused.stderr);
        }
        assert_eq!(rig.daemon().config().trunks.len(), 1);
        let told = others.told.lock().expect("lock").join("\n");
        assert!(told.contains(&says) && told.contains("reload refused"), "{told}");
    }
    // What was begun with the last one was taken back.
    assert_eq!(*others.configured.lock().expect("lock"), ["carrier-a carrier-b", "carrier-a"]);
    assert_eq!(others.taken.load(Ordering::SeqCst), 0);
    fs::remove_file(&file).expect("removed");
    let gone = rig.ani(&["reload"]);
    assert!(gone.code == 2 && gone.stderr.contains("no such file"), "{gone:?}");
}

#[test]
fn what_the_kernel_refuses_is_no_fault_of_the_file() {
    let (rig, others) = rig(&config(""));
    fs::write(rig.path("ani.toml"), config(OTHER)).expect("write");
    others.fail.store(1, Ordering::SeqCst);
    let refused = rig.ani(&["reload"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("the kernel did not take the change"), "{}", refused.stderr);
    assert_eq!(*others.configured.lock().expect("lock"), ["carrier-a carrier-b", "carrier-a"]);
    others.fail.store(2, Ordering::SeqCst);
    let torn = rig.ani(&["reload"]);
    assert!(torn.code == 1 && torn.stderr.contains("taking it back failed"), "{torn:?}");
    assert_eq!(rig.daemon().config().trunks.len(), 1);
    // A daemon that was started without a file has nothing to read.
    let none = Rig::new(&config(""));
    let refused = none.ani(&["reload"]);
    assert!(refused.code == 1 && refused.stderr.contains("no configuration file"), "{refused:?}");
}

#[test]
fn what_a_command_set_goes_before_the_file_and_is_said_so() {
    const LIMIT: &str = "[[limit]]\nname = 'trunks'\ncalls = 9\nwithin = '1m'\nper = ['trunk']\n";
    let (rig, _others) = rig(&config(&format!("{SPAM}{LIMIT}")));
    rig.text(&["limit", "set", "5 per 1m"]);
    rig.text(&["limit", "set", "trunks", "6 per 1m"]);
    rig.text(&["limit", "mode", "trunks", "observe"]);
    rig.text(&["list", "mode", "spam", "observe"]);
    let text = format!(
        "[limits]\nper_caller = {{ calls = 7, within = '1m' }}\n{SPAM}mode = 'enforce'\n{}mode = 'enforce'\n",
        LIMIT.replace('9', "8")
    );
    fs::write(rig.path("ani.toml"), config(&text)).expect("write");
    let told = rig.text(&["reload"]);
    let holds = |reset: &str| format!(" (set by command, which holds until `{reset}`)");
    for line in [
        format!("limits.per_caller: none -> 7 per 1m{}", holds("ani limit reset")),
        format!("limit trunks: calls: 9 per 1m -> 8 per 1m{}", holds("ani limit reset trunks")),
        format!("limit trunks: mode: observe -> enforce{}", holds("ani limit mode trunks reset")),
        format!("list spam: mode: observe -> enforce{}", holds("ani list mode spam reset")),
    ] {
        assert!(told.lines().any(|told| told == line), "{line}: {told}");
    }
    assert_eq!(rig.limit().as_deref(), Some("5 per 1m"));
}

#[test]
fn a_lists_file_that_is_another_one_is_told() {
    let (first, _) = rig(&config(""));
    let feed = first.path("feed.csv");
    fs::write(&feed, "+14155550001\n+14155550002\n").expect("write");
    let text = config(&format!("[[list]]\nname = 'feed'\naction = 'block'\nfile = '{feed}'\n"));
    let (rig, _others) = rig(&text);
    let unchanged = format!("nothing changed: {} says what is in force\n", rig.path("ani.toml"));
    assert_eq!(rig.text(&["reload"]), unchanged);
    fs::write(&feed, "+14155550002\n+14155550003\n+14155550004\n").expect("write");
    let told = rig.json(&["reload"]);
    assert_eq!(told["feeds"], json!([{"list": "feed", "file": feed, "new": 2, "removed": 1}]));
    assert_eq!(told["lines"], json!([format!("list feed: {feed}: 2 entries new, 1 gone")]));
    assert_eq!(rig.text(&["reload"]), unchanged);
}

#[test]
fn reloads_are_made_one_after_the_other() {
    let (rig, others) = rig(&config(""));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            // A signal, and a command.
            scope.spawn(|| rig.daemon().reload_file().expect("reloaded"));
            scope.spawn(|| {
                let (status, answer) = rig.request("POST", "/v1/reload", b"");
                let answer: Value = serde_json::from_str(&answer).expect("json");
                assert_eq!((status, &answer["taken"]), (200, &json!(true)));
            });
        }
    });
    let told = others.told.lock().expect("lock");
    assert_eq!((told.len(), others.taken.load(Ordering::SeqCst)), (16, 8));
    for pair in told.chunks(2) {
        assert_eq!(pair[0], "begins");
        assert!(pair[1].ends_with("is in force: nothing changed"), "{pair:?}");
    }
}

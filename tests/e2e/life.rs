//! The program outlives the daemon: killed, ended, started again, of another build, beside another.

use std::{collections::HashSet, fs, path::PathBuf, process::Output, time::Duration};

use ani_ebpf::abi::{
    ABI_VERSION,
    fragment::{FragmentKey, Fragmented, MAX_FRAGMENTED},
};
use ani_tests::live::{Action, Program};
use aya::util::online_cpus;
use nix::sys::signal::Signal;
use xtask::lab::{
    Lab, SBC_INTERFACE,
    daemon::{self, Daemon, Pin, Settings, Trunk},
    process::wait_for,
};

use crate::{
    line::Line,
    rig::{SETTLE, ani},
};

const BLOCKED: &str = "+12015550166";
const HONEST: &str = "+12015550101";

/// How long a daemon may take to load its programs and to find that it cannot go on.
const START: Duration = Duration::from_secs(30);

/// INVITEs a second while daemons come and go.
const PER_SECOND: u32 = 2_500;

fn kept() -> Settings {
    Settings { pin: Pin::Kept, ..Settings::default() }
}

/// A daemon whose program is kept, which blocks one caller.
fn started(settings: &Settings) -> (Lab, Line, Daemon) {
    let lab = Lab::new().expect("lab");
    let line = Line::new(&lab);
    let daemon = Daemon::start(&lab, ani(), settings).expect("daemon");
    daemon.cli(&["block", "add", BLOCKED]).expect("block add");
    assert!(!line.passes(BLOCKED) && line.passes(HONEST));
    (lab, line, daemon)
}

fn kill(mut daemon: Daemon) {
    daemon.signal(Signal::SIGKILL).expect("SIGKILL");
    daemon.wait().expect("its end");
}

fn again(lab: &Lab, settings: &Settings) -> Daemon {
    Daemon::start(lab, ani(), settings).expect("daemon")
}

/// A command line that needs no daemon, in the SBC's namespace.
fn offline(lab: &Lab, arguments: &[&str]) -> Output {
    let run = || Ok(std::process::Command::new(ani()).args(arguments).output()?);
    lab.sbc.enter(run).expect("ani")
}

fn detach(lab: &Lab) -> Output {
    let pins = lab.pins().display().to_string();
    offline(lab, &["detach", "--pin", &pins, "--json"])
}

/// What is kept, by name.
fn pins(lab: &Lab) -> Vec<String> {
    let Ok(entries) = fs::read_dir(lab.pins()) else { return Vec::new() };
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort_unstable();
    names
}

fn index(lab: &Lab, interface: &str) -> u32 {
    let find = || Ok(nix::net::if_::if_nametoindex(interface)?);
    lab.sbc.enter(find).expect("an interface")
}

#[test]
fn a_killed_daemon_leaves_lists_at_work_and_the_next_one_counts_on() {
    let (lab, line, daemon) = started(&kept());
    let dropped = daemon.counter("dropped").expect("counter");
    kill(daemon);
    for _ in 0..3 {
        assert!(!line.passes(BLOCKED), "while there is no daemon");
        assert!(line.passes(HONEST));
    }
    let daemon = again(&lab, &kept());
    assert!(!line.passes(BLOCKED) && line.passes(HONEST));
    let [invites, stopped, captured, lost] = ["invites", "dropped", "captured", "lost"]
        .map(|name| daemon.counter(name).expect("counter"));
    assert_eq!((invites, stopped), (2 + 6 + 2, dropped + 4));
    assert_eq!((captured, lost), (invites, 0));
    // What was written while there was none is read by the next: six, and its own two.
    let told = || daemon.tally("invites").expect("tally");
    assert!(wait_for("the INVITEs", SETTLE, || told() == 8).is_ok(), "{}", told());
    // Their memory is given back once it is known that nobody writes there any more.
    let own = online_cpus().expect("CPUs").len() + 1;
    let given_back = wait_for("the ring buffers", SETTLE, || {
        line.send(HONEST);
        ring_buffers(daemon.id()) == own
    });
    assert!(given_back.is_ok(), "{} ring buffers, {own} are our own", ring_buffers(daemon.id()));
    // One generation is there, and one link.
    let link = format!("link-{}", index(&lab, SBC_INTERFACE));
    assert_eq!(pins(&lab), [format!("abi{ABI_VERSION}-2"), link]);
}

/// How many ring buffers a process holds: one a CPU, and that of the log.
fn ring_buffers(pid: u32) -> usize {
    /// `BPF_MAP_TYPE_RINGBUF` of `enum bpf_map_type`.
    const RINGBUF: &str = "map_type:\t27\n";
    let infos = fs::read_dir(format!("/proc/{pid}/fdinfo")).expect("descriptors");
    let infos = infos.filter_map(|info| fs::read_to_string(info.ok()?.path()).ok());
    let ids = infos.filter(|info| info.contains(RINGBUF)).filter_map(|info| {
        info.lines().find_map(|line| line.strip_prefix("map_id:").map(str::to_owned))
    });
    ids.collect::<HashSet<_>>().len()
}

#[test]
fn verdicts_and_budgets_go_on_over_a_restart() {
    let settings = Settings { per_caller: Some((3, "10m")), ..kept() };
    let (lab, line, daemon) = started(&settings);
    let (dropped, passed) = (line.send("+12015550170"), line.send("+12015550171"));
    assert_eq!(line.come().len(), 2);
    daemon.cli(&["block", "add", "+12015550172"]).expect("block add");
    let stopped = line.send("+12015550172");
    assert_eq!(line.come().len(), 0);
    // From here on lists say the contrary of what these calls were told.
    daemon.cli(&["block", "remove", "+12015550172"]).expect("block remove");
    daemon.cli(&["block", "add", "+12015550171"]).expect("block add");
    let spender = "+12015550173";
    assert!(line.passes(spender));
    daemon.stop().expect("a clean end");
    assert!(line.passes(spender), "while there is no daemon");
    let daemon = again(&lab, &settings);
    line.repeat("+12015550172", &stopped);
    assert_eq!(line.come(), Vec::<String>::new(), "a call that was stopped comes through");
    line.repeat("+12015550171", &passed);
    line.repeat("+12015550170", &dropped);
    assert_eq!(line.come().len(), 2, "a call that came through is stopped");
    assert!(line.passes("+12015550172") && !line.passes("+12015550171"));
    assert!(line.passes(spender));
    kill(daemon);
    assert!(!line.passes(spender), "the fourth call of three");
    let _daemon = again(&lab, &settings);
    assert!(!line.passes(spender), "the fourth call of three");
}

/// Ended, killed, of another build, with another table: no blocked INVITE comes through at any moment, and
/// no honest one is lost.
#[test]
fn daemons_come_and_go_under_load_without_a_gap() {
    let (lab, line, daemon) = started(&kept());
    let variant = variant(&lab);
    let (sent, ()) = line.while_calling(PER_SECOND, HONEST, BLOCKED, || {
        std::thread::sleep(Duration::from_millis(500));
        daemon.stop().expect("a clean end");
        let daemon = again(&lab, &kept());
        kill(daemon);
        let daemon = Daemon::start(&lab, &variant, &kept()).expect("a daemon of another build");
        kill(daemon);
        let daemon = again(&lab, &Settings { max_attempts: Some(1_000), ..kept() });
        std::thread::sleep(Duration::from_millis(500));
        daemon.stop().expect("a clean end");
    });
    let come: HashSet<_> = line.come().into_iter().collect();
    println!("honest {}, blocked {}, come {}", sent.honest.len(), sent.blocked.len(), come.len());
    assert!(sent.honest.len() > 4_000, "{} is no load", sent.honest.len());
    let through = sent.blocked.iter().filter(|call| come.contains(*call)).count();
    let missing = sent.honest.iter().filter(|call| !come.contains(*call)).count();
    assert_eq!((through, missing), (0, 0), "blocked ones through, honest ones missing");
    let log = fs::read_to_string(lab.path("ani.log")).expect("the log");
    assert!(log.contains("FRAGMENTED starts anew: it was 16384 of 40"), "{log}");
    assert!(log.contains("ATTEMPTS starts anew"), "{log}");
    assert_eq!(log.matches("took over from the program that was there").count(), 3, "{log}");
}

/// A daemon with another program, which has room for fewer fragmented packets.
pub(crate) fn variant(lab: &Lab) -> PathBuf {
    /// `BPF_MAP_TYPE_LRU_HASH` of `enum bpf_map_type`.
    const LRU_HASH: u32 = 9;
    let definition = |entries: u32| -> Vec<u8> {
        let (key, value) = (size_of::<FragmentKey>() as u32, size_of::<Fragmented>() as u32);
        [LRU_HASH, key, value, entries].iter().flat_map(|word| word.to_ne_bytes()).collect()
    };
    let (own, others) = (definition(MAX_FRAGMENTED), definition(MAX_FRAGMENTED / 2));
    let mut binary = fs::read(ani()).expect("ani");
    let finder: Vec<_> =
        (0..binary.len() - own.len()).filter(|at| binary[*at..].starts_with(&own)).collect();
    assert!(!finder.is_empty(), "the definition of the map is not there");
    for at in finder {
        binary[at..at + others.len()].copy_from_slice(&others);
    }
    let path = lab.path("variant");
    fs::write(&path, binary).expect("a variant");
    fs::set_permissions(&path, fs::metadata(ani()).expect("ani").permissions())
        .expect("executable");
    path
}

#[test]
fn what_does_not_mean_the_same_is_not_taken_over() {
    let (lab, line, daemon) = started(&kept());
    let invites = daemon.counter("invites").expect("counter");
    daemon.stop().expect("a clean end");
    // As a daemon of another ABI would have left it.
    let generation = |abi: u32, number| lab.pins().join(format!("abi{abi}-{number}"));
    fs::rename(generation(ABI_VERSION, 1), generation(1, 1)).expect("renamed");
    assert!(!line.passes(BLOCKED));
    let daemon = again(&lab, &kept());
    assert!(daemon.log().expect("log").contains("speaks ABI 1"));
    assert!(!line.passes(BLOCKED));
    assert_eq!(daemon.counter("invites").expect("counter"), 1, "{invites} before");
    assert!(!generation(1, 1).exists() && generation(ABI_VERSION, 2).exists());
    daemon.stop().expect("a clean end");

    // Numbers that mean another trunk: counters go on, budgets and verdicts do not.
    let other = Trunk { name: "carrier-0", sources: vec!["203.0.113.0/24"], keys: "" };
    let mut settings = kept();
    settings.trunks.insert(0, other);
    let daemon = again(&lab, &settings);
    assert!(daemon.log().expect("log").contains("in another order than before"));
    assert_eq!(daemon.counter("invites").expect("counter"), 1);
    assert!(!line.passes(BLOCKED));
}

#[test]
fn on_exit_says_what_stays_and_detach_takes_it_off() {
    let (lab, line, daemon) = started(&kept());
    let refused = detach(&lab);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("process {} (", daemon.id())), "{said}");
    daemon.stop().expect("a clean end");
    let log = fs::read_to_string(lab.path("ani.log")).expect("the log");
    assert!(
        log.contains("the program stays on the interfaces") && log.contains("ani detach"),
        "{log}"
    );
    assert!(!line.passes(BLOCKED));

    let done = detach(&lab);
    assert!(done.status.success(), "{done:?}");
    let said: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!((&said["interfaces"][0], &said["generations"]), (&SBC_INTERFACE.into(), &1.into()));
    assert!(line.passes(BLOCKED));
    assert!(!lab.pins().exists(), "the folder is left behind");
    let nothing = detach(&lab);
    assert!(nothing.status.success(), "{nothing:?}");

    let settings = Settings { on_exit: "detach", ..kept() };
    let daemon = again(&lab, &settings);
    assert!(!line.passes(BLOCKED));
    daemon.stop().expect("a clean end");
    assert!(line.passes(BLOCKED));
    assert_eq!(pins(&lab), Vec::<String>::new());
}

#[test]
fn a_second_daemon_is_told_who_has_the_folder() {
    let (lab, line, daemon) = started(&kept());
    let config = lab.path("ani.toml");
    let mut second = daemon::spawn(&lab, ani(), &config, "second.log").expect("a second daemon");
    let ended = second.wait(START).expect("its end");
    assert_eq!(ended.code(), Some(1));
    let said = second.log_tail();
    assert!(said.contains(&format!("belongs to process {} (", daemon.id())), "{said}");
    assert!(!line.passes(BLOCKED));

    // Without a folder in common, and without one at all.
    let text = fs::read_to_string(&config).expect("a configuration");
    let pin = lab.pins().display().to_string();
    for (other, name) in [(format!("{pin}-other"), "other"), (String::new(), "none")] {
        let text = text.replace(&pin, &other).replace("/store\"", &format!("/{name}-store\""));
        let text = text.replace("[control]", "[control]\nread_socket = \"\"");
        let text = text.replace("ani.sock", &format!("{name}.sock")).replace(":9464", ":0");
        let config = lab.write(&format!("{name}.toml"), &text).expect("a configuration");
        let mut second =
            daemon::spawn(&lab, ani(), &config, &format!("{name}.log")).expect("daemon");
        assert_eq!(second.wait(START).expect("its end").code(), Some(1));
        let said = second.log_tail();
        assert!(said.contains(&format!("stop process {} (", daemon.id())), "{said}");
    }
    assert!(!line.passes(BLOCKED));
}

#[test]
fn a_foreign_program_stays_and_doctor_names_it() {
    let lab = Lab::new().expect("lab");
    lab.mount_bpf().expect("a BPF file system");
    let sbc0 = index(&lab, SBC_INTERFACE);
    let program = Program::trivial(Action::Pass).expect("a program");
    let _link = lab.sbc.enter(|| program.attach(sbc0)).expect("attached");
    let config = daemon::configure(&lab, &kept()).expect("a configuration");
    let mut daemon = daemon::spawn(&lab, ani(), &config, "ani.log").expect("a daemon");
    assert_eq!(daemon.wait(START).expect("its end").code(), Some(1));
    let said = daemon.log_tail();
    assert!(said.contains("somebody else's program, id "), "{said}");
    assert_eq!(pins(&lab), Vec::<String>::new(), "what a failed start made is left behind");

    let output = offline(&lab, &["doctor", "--config", &config.display().to_string(), "--json"]);
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let checks = said["checks"].as_array().expect("checks");
    let of = |name: &str| checks.iter().find(|check| check["check"] == name).expect("a check");
    let interface = of(&format!("interface {SBC_INTERFACE}"));
    let detail = interface["detail"].as_str().expect("a detail");
    assert_eq!(interface["outcome"], "fail");
    for part in ["tag ", "loaded by user 0", "(native)", &format!("process {}", std::process::id())]
    {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    assert_eq!(of("BPF file system")["outcome"], "ok");
}

#[test]
fn doctor_says_what_is_kept() {
    let (lab, _line, daemon) = started(&kept());
    let config = lab.path("ani.toml").display().to_string();
    let detail = |name: &str| {
        let output = offline(&lab, &["doctor", "--config", &config, "--json"]);
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let checks = said["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["check"] == name).expect("a check");
        assert_eq!(check["outcome"], "ok", "{check}");
        check["detail"].as_str().expect("a detail").to_owned()
    };
    let has = detail("BPF file system");
    assert!(has.contains(&format!("process {} (", daemon.id())), "{has}");
    let has = detail(&format!("interface {SBC_INTERFACE}"));
    assert!(has.contains("has it already") && has.contains("ani_ingress"), "{has}");
    kill(daemon);
    let has = detail("BPF file system");
    assert!(has.contains("no daemon runs") && has.contains(SBC_INTERFACE), "{has}");
    detail(&format!("interface {SBC_INTERFACE}"));
}

#[test]
fn without_a_bpf_file_system_the_program_goes_with_the_daemon() {
    let settings = Settings { pin: Pin::NoFileSystem, ..Settings::default() };
    let (lab, line, daemon) = started(&settings);
    let log = daemon.log().expect("log");
    assert!(log.contains("WARN") && log.contains("mount -t bpf bpf"), "{log}");
    kill(daemon);
    assert!(line.passes(BLOCKED));
    assert!(!lab.path("pins").exists());
}

#[test]
fn a_file_system_that_is_unmounted_changes_nothing_while_the_daemon_runs() {
    let (lab, line, daemon) = started(&kept());
    let mount = lab.pins().parent().expect("a mount").display().to_string();
    let unmounted = std::process::Command::new("umount").args(["--lazy", &mount]).status();
    assert!(unmounted.expect("umount").success());
    assert!(!line.passes(BLOCKED) && line.passes(HONEST));
    daemon.cli(&["block", "add", "+12015550170"]).expect("block add");
    assert!(!line.passes("+12015550170"));
    // A changed configuration is taken all the same.
    let mut settings = kept();
    settings.trunks.push(Trunk { name: "carrier-b", sources: vec!["203.0.113.0/24"], keys: "" });
    daemon::configure(&lab, &settings).expect("a configuration");
    daemon.signal(Signal::SIGHUP).expect("SIGHUP");
    let taken = || daemon.log().is_ok_and(|log| log.contains("ani.toml is in force"));
    assert!(wait_for("the reload", SETTLE, taken).is_ok(), "{:?}", daemon.log());
    // Nothing keeps the program any more, and that is said.
    daemon.stop().expect("a clean end");
    let log = fs::read_to_string(lab.path("ani.log")).expect("the log");
    assert!(log.contains("detached: calls go on without ani"), "{log}");
    assert!(line.passes(BLOCKED));
}

#[test]
fn an_ordinary_user_takes_over() {
    let settings = Settings { service: true, ..kept() };
    let (lab, line, daemon) = started(&settings);
    kill(daemon);
    assert!(!line.passes(BLOCKED));
    let daemon = again(&lab, &settings);
    assert!(!line.passes(BLOCKED) && line.passes(HONEST));
    assert_eq!(daemon.counter("invites").expect("counter"), 5);
    daemon.stop().expect("a clean end");
    // Root takes it off, and leaves the folder, which the user could not make again.
    assert!(detach(&lab).status.success());
    assert!(line.passes(BLOCKED));
    assert!(lab.pins().exists());
    let _daemon = again(&lab, &settings);
    assert!(!line.passes(BLOCKED));
}

#[test]
fn interfaces_are_followed() {
    let (lab, line, daemon) = started(&kept());
    let state = |name: &str| {
        let status = daemon.status().expect("status");
        let interfaces = status["interfaces"].as_array().expect("interfaces").clone();
        interfaces.into_iter().find(|interface| interface["name"] == name)
    };
    let is = |name: &str, mode: &str| {
        let come =
            wait_for(name, SETTLE, || state(name).is_some_and(|state| state["mode"] == mode));
        assert!(come.is_ok(), "{name} is not {mode}: {:?}", daemon.status());
    };

    lab.sbc.ip(&["link", "set", SBC_INTERFACE, "down"]).expect("down");
    lab.sbc.ip(&["link", "set", SBC_INTERFACE, "up"]).expect("up");
    assert!(wait_for("the link", SETTLE, || line.passes(HONEST)).is_ok());
    assert!(!line.passes(BLOCKED));

    lab.sbc.ip(&["link", "set", SBC_INTERFACE, "name", "trunk0"]).expect("renamed");
    is("trunk0", "native");
    assert_eq!(state("trunk0").expect("trunk0")["configured"], SBC_INTERFACE);
    assert!(
        daemon.cli(&["status"]).expect("status").contains("trunk0 (native, configured as sbc0)")
    );
    assert!(!line.passes(BLOCKED));
    lab.sbc.ip(&["link", "set", "trunk0", "name", SBC_INTERFACE]).expect("renamed");
    is(SBC_INTERFACE, "native");

    let link = |lab: &Lab| format!("link-{}", index(lab, SBC_INTERFACE));
    let before = link(&lab);
    lab.sbc.ip(&["link", "delete", SBC_INTERFACE]).expect("deleted");
    is(SBC_INTERFACE, "none");
    assert!(daemon.log().expect("log").contains("sbc0 is gone"));
    assert!(!pins(&lab).contains(&before), "the link of an interface that is gone is left behind");
    lab.join().expect("joined again");
    is(SBC_INTERFACE, "native");
    assert!(pins(&lab).contains(&link(&lab)));
    assert!(wait_for("the link", SETTLE, || line.passes(HONEST)).is_ok());
    assert!(!line.passes(BLOCKED));

    // The next daemon takes over on the new one too.
    daemon.stop().expect("a clean end");
    assert!(!line.passes(BLOCKED));
    let _daemon = again(&lab, &kept());
    assert!(!line.passes(BLOCKED) && line.passes(HONEST));
}

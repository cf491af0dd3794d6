//! Calls while the worst happens: no honest one fails, and no blocked INVITE that the program can read
//! reaches the SBC. In the other form none does either while a daemon is there that keeps up; else what passes
//! is told. `cargo xtask chaos` does it for longer, and prints the table.

/// What is done, and what has to be true of the calls then.
mod case;
/// A time of day that can be set.
mod clock;
/// Calls.
mod load;

use std::{
    fs,
    io::{ErrorKind, Write as _},
    ops::Range,
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ani_user::time::Timestamp;
use nix::sys::signal::Signal;
use serde_json::Value;
use xtask::lab::{
    Lab,
    daemon::{Daemon, Pin, Settings},
    process::wait_for,
    sbc::Sbc,
};

use self::{
    case::{Case, UNDER_WAY, count, told},
    clock::Clock,
    load::{BLOCKED, BLOCKED_TWICE},
};
use crate::{
    life,
    rig::{Rig, SETTLE, ani},
};

/// A time in which a busy machine comes to what is held, and callers do not repeat it yet.
const PATIENT: &str = "[hold]\ndeadline = \"400ms\"\n";

/// No sign of life for longer than a second: nothing is held any more.
const STALE: Duration = Duration::from_millis(1_500);

fn kept() -> Settings {
    Settings { pin: Pin::Kept, tables: PATIENT, ..Settings::default() }
}

/// A lab with a daemon that blocks two callers.
fn rig(settings: &Settings) -> Rig {
    blocking(Rig::start(settings))
}

fn blocking(rig: Rig) -> Rig {
    for caller in [BLOCKED, BLOCKED_TWICE] {
        // An end that no row lives to see.
        rig.daemon.cli(&["block", "add", caller, "--ttl", "2h"]).expect("block add");
    }
    rig
}

fn end(rig: &mut Rig, signal: Signal) {
    rig.daemon.signal(signal).expect("a signal");
    let ended = rig.daemon.wait().expect("its end");
    assert_eq!(ended.success(), signal == Signal::SIGTERM, "{ended}");
}

fn start(rig: &mut Rig, binary: &Path, settings: &Settings) {
    rig.daemon = Daemon::start(&rig.lab, binary, settings).expect("a daemon");
}

/// How often the log has something, the starts before included.
fn logged(rig: &Rig, text: &str) -> u32 {
    rig.daemon.log().expect("the log").matches(text).count() as u32
}

#[test]
fn killed() {
    let settings = kept();
    let mut rig = rig(&settings);
    let row = Case::new("SIGKILL").run(&mut rig, &["hold_stale", "held", "lost"], |rig, _| {
        end(rig, Signal::SIGKILL);
        sleep(STALE);
        start(rig, ani(), &settings);
        sleep(UNDER_WAY);
    });
    assert_eq!(logged(&rig, "took over from the program that was there"), row.times);
    row.tell().expect("the table");
}

#[test]
fn stopped() {
    let mut rig = rig(&kept());
    let counted = ["hold_stale", "held", "held_old", "lost"];
    let row = Case::new("SIGSTOP for 5 s").run(&mut rig, &counted, |rig, _| {
        rig.daemon.signal(Signal::SIGSTOP).expect("SIGSTOP");
        sleep(Duration::from_secs(5));
        rig.daemon.signal(Signal::SIGCONT).expect("SIGCONT");
        sleep(STALE);
    });
    row.tell().expect("the table");
}

#[test]
fn restarted() {
    let settings = kept();
    let mut rig = rig(&settings);
    let row = Case::new("restart").run(&mut rig, &["hold_stale", "held", "lost"], |rig, _| {
        end(rig, Signal::SIGTERM);
        start(rig, ani(), &settings);
        sleep(UNDER_WAY);
    });
    assert_eq!(logged(&rig, "took over from the program that was there"), row.times);
    row.tell().expect("the table");
}

#[test]
fn upgraded() {
    let settings = kept();
    let mut rig = rig(&settings);
    let other = life::variant(&rig.lab);
    let binaries = [other.as_path(), ani()];
    let row = Case::new("upgrade").run(&mut rig, &["hold_stale", "held", "lost"], |rig, times| {
        end(rig, Signal::SIGTERM);
        start(rig, binaries[times as usize % 2], &settings);
        sleep(UNDER_WAY);
    });
    assert_eq!(logged(&rig, "took over from the program that was there"), row.times);
    assert_eq!(logged(&rig, "FRAGMENTED starts anew"), row.times);
    row.tell().expect("the table");
}

#[test]
fn reloaded() {
    const NUMBERS: u64 = 1_000_000;
    /// Numbers that one list has and the other has not.
    const OTHERS: u64 = 10_000;
    const FIRST: u64 = 99_910_000_000;
    let mut rig = Rig::start(&kept());
    let write = |name: &str, numbers: Range<u64>| {
        let mut text: String = numbers.map(|number| format!("+{number}\n")).collect();
        // On each of them, so that a moment between two would let their calls through.
        text += &format!("{BLOCKED}\n{BLOCKED_TWICE}\n");
        rig.lab.write(name, &text).expect("a list")
    };
    let small = write("small.csv", FIRST..FIRST);
    let large =
        [FIRST, FIRST + OTHERS].map(|first| write(&format!("{first}.csv"), first..first + NUMBERS));
    let config = fs::read_to_string(rig.lab.path("ani.toml")).expect("the configuration");
    let reload = |rig: &Rig, list: &Path| {
        let list = format!(
            "[[list]]\nname = \"numbers\"\naction = \"block\"\nmode = \"enforce\"\nfile = \"{}\"\n",
            list.display()
        );
        rig.lab.write("ani.toml", &format!("{config}\n{list}")).expect("the configuration");
        rig.daemon.cli(&["reload"]).expect("reload")
    };
    reload(&rig, &small);
    let case = Case::holding("reload of 1,000,000");
    let row = case.run(&mut rig, &["held", "held_late", "lost"], |rig, times| {
        let said = reload(rig, &large[times as usize % 2]);
        let (new, gone) = if times == 0 { (NUMBERS, 0) } else { (OTHERS, OTHERS) };
        assert!(said.contains(&format!("{new} entries new, {gone} gone")), "{said}");
    });
    row.tell().expect("the table");
}

#[test]
fn ring_full() {
    let mut rig = rig(&Settings { capture: "ring_bytes = 4096", ..kept() });
    let row = Case::new("ring full").run(
        &mut rig,
        &["lost", "hold_behind", "held", "held_late"],
        |rig, _| {
            rig.daemon.signal(Signal::SIGSTOP).expect("SIGSTOP");
            // It counts as there all the while.
            sleep(Duration::from_millis(700));
            rig.daemon.signal(Signal::SIGCONT).expect("SIGCONT");
            sleep(UNDER_WAY);
        },
    );
    assert!(count(&rig, "hold_behind") > 0, "{}", told(&rig));
    row.tell().expect("the table");
}

#[test]
fn maps_full() {
    let settings = Settings {
        max_attempts: Some(64),
        lists: "max_limited = 64\nmax_entries = 4",
        per_caller: Some((1_000, "10m")),
        tables: "[hold]\ndeadline = \"400ms\"\n\n[telemetry]\nmax_callers = 16\n",
        ..kept()
    };
    let mut rig = rig(&settings);
    let case = Case { callers: 2_000, ..Case::holding("maps full") };
    let counted = ["attempts_forgotten", "buckets_forgotten", "held"];
    let row = case.run(&mut rig, &counted, |rig, _| {
        // Two have room beside the two that are there.
        for (number, fits) in
            [("+12015550170", true), ("+12015550171", true), ("+12015550172", false)]
        {
            let added = rig.daemon.try_cli(&["block", "add", number]).expect("a command");
            let said = String::from_utf8_lossy(&added.stderr).into_owned();
            assert_eq!(added.status.success(), fits, "{number}: {said}");
            assert!(fits || said.contains("raise `lists.max_entries`"), "{said}");
        }
        sleep(UNDER_WAY);
    });
    assert!(count(&rig, "buckets_forgotten") > 0, "{}", told(&rig));
    row.tell().expect("the table");
}

#[test]
fn clock_jumped() {
    const HOUR: i64 = 3_600;
    let ani = ani();
    let lab = Lab::new().expect("lab");
    let sbc = Sbc::start(&lab).expect("SBC");
    let clock = Clock::new(&lab, ani);
    let daemon = Daemon::start(&lab, &clock.binary, &kept()).expect("a daemon");
    let mut rig = blocking(Rig { daemon, sbc, lab });
    // What is put together of fragments goes by time too.
    let case = Case { padding: 1_600, ..Case::holding("clock by an hour") };
    let counted = ["fragments_reassembled", "fragments_timed_out", "held", "held_late"];
    let row = case.run(&mut rig, &counted, |rig, _| {
        for ahead in [HOUR, 0] {
            clock.set(ahead);
            let is_seen = || (time_of_day(rig) - now() - ahead).abs() < HOUR / 2;
            assert!(wait_for("the clock", SETTLE, is_seen).is_ok(), "{}", time_of_day(rig));
            sleep(UNDER_WAY);
        }
    });
    let log = || rig.daemon.log().expect("log");
    let counted_anew = || log().contains("list entries end by the new time");
    assert!(wait_for("the ends of entries", SETTLE, counted_anew).is_ok(), "{}", log());
    row.tell().expect("the table");
}

/// What the daemon takes for the time of day, seconds since 1970: that of a change of a list.
fn time_of_day(rig: &Rig) -> i64 {
    const NUMBER: &str = "+12015550170";
    rig.daemon.cli(&["block", "add", NUMBER]).expect("block add");
    let list = rig.daemon.cli(&["block", "list", "--json"]).expect("block list");
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let entries = list["entries"].as_array().expect("entries");
    let entry = entries.iter().find(|entry| entry["number"] == NUMBER).expect("the number");
    let added: Timestamp = entry["added"].as_str().expect("a time").parse().expect("RFC 3339");
    added.seconds()
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    i64::try_from(now.as_secs()).expect("a time")
}

#[test]
fn worker_slowed() {
    let mut rig = rig(&Settings { tables: "", ..kept() });
    let counted = ["held_late", "held", "held_old", "undecided_blocked"];
    let row = Case::new("worker slowed").run(&mut rig, &counted, |rig, _| {
        rig.daemon.signal(Signal::SIGSTOP).expect("SIGSTOP");
        sleep(Duration::from_millis(90));
        rig.daemon.signal(Signal::SIGCONT).expect("SIGCONT");
        sleep(Duration::from_millis(30));
    });
    row.tell().expect("the table");
}

#[test]
fn disk_full() {
    const DISK: u64 = 2 << 20;
    let ani = ani();
    let lab = Lab::new().expect("lab");
    lab.mount_disk("store", DISK).expect("a disk");
    let sbc = Sbc::start(&lab).expect("SBC");
    let daemon = Daemon::start(&lab, ani, &kept()).expect("a daemon");
    let mut rig = blocking(Rig { daemon, sbc, lab });
    let filler = rig.lab.path("store/filler");
    let row =
        Case::holding("disk full").run(&mut rig, &["held", "held_late", "lost"], |rig, times| {
            fill(&filler);
            // None of those who call.
            let number = format!("+1312555{times:04}");
            let change = |how| {
                let done = rig.daemon.try_cli(&["block", how, &number]).expect("a command");
                (done.status.success(), String::from_utf8_lossy(&done.stderr).into_owned())
            };
            let (added, said) = change("add");
            assert!(!added && said.contains("make room on its disk"), "{said}");
            assert_eq!(told(rig)["block_list"]["entries"], 2, "half done");
            sleep(UNDER_WAY);
            fs::remove_file(&filler).expect("the file");
            for (how, entries) in [("add", 3), ("rm", 2)] {
                let (done, said) = change(how);
                assert!(done && told(rig)["block_list"]["entries"] == entries, "{how}: {said}");
            }
        });
    assert_eq!(logged(&rig, "failed with 507 Insufficient Storage"), row.times);
    row.tell().expect("the table");
}

/// Writes to a file until there is no room.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).expect("a file");
    loop {
        match file.write_all(&[0; 4_096]) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => return,
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
}

#[test]
fn unmounted() {
    let mut rig = rig(&kept());
    let case = Case { once: true, ..Case::holding("bpffs unmounted") };
    let row = case.run(&mut rig, &["held", "held_late", "lost"], |rig, _| {
        let mount = rig.lab.pins().parent().expect("a mount").to_path_buf();
        let unmounted = Command::new("umount").arg("--lazy").arg(mount).status();
        assert!(unmounted.expect("umount").success());
        rig.daemon.cli(&["block", "add", "+12015550170"]).expect("block add");
        rig.daemon.cli(&["reload"]).expect("reload");
    });
    assert!(!rig.lab.pins().exists(), "what is kept is there yet");
    row.tell().expect("the table");
    // Nothing kept the program but the daemon.
    end(&mut rig, Signal::SIGTERM);
    assert_eq!(logged(&rig, "detached: calls go on without ani"), 1);
}

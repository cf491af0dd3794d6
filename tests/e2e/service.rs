//! The daemon as a service manager runs it: as an ordinary user, asked for signs of life; and the unit that
//! has it so.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, net::UnixDatagram},
    process::Command,
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use nix::sys::signal::Signal;
use xtask::{
    lab::{
        Lab,
        daemon::{
            Daemon, SERVICE_CAPABILITIES, SERVICE_READ_GROUP, SERVICE_USER, Settings, as_other,
            notify_socket,
        },
        sbc::Sbc,
        uac::{Callers, Plan},
    },
    workspace,
};

use crate::{
    hold::{TWICE, tally},
    rig::{Rig, SETTLE, ani},
};

const BLOCKED: &str = "+12015550166";
const HONEST: &str = "+12015550101";

/// The least that `systemd-analyze security` may find exposed: 10 is all.
const MOST_EXPOSED: f64 = 3.0;

/// What a service manager is told; it is read at once, as systemd does.
struct Manager(Receiver<String>);

impl Manager {
    fn new(lab: &Lab) -> Self {
        let path = notify_socket(lab);
        let socket = UnixDatagram::bind(&path).expect("a socket");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("permissions");
        let (tell, told) = channel();
        // It ends when nobody listens any more, or nothing can be read.
        thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(len) = socket.recv(&mut buffer) {
                if tell.send(String::from_utf8_lossy(&buffer[..len]).into_owned()).is_err() {
                    return;
                }
            }
        });
        Self(told)
    }

    /// The next that is no sign of life.
    fn next(&self) -> String {
        loop {
            let told = self.any();
            if told != SIGN_OF_LIFE {
                return told;
            }
        }
    }

    fn any(&self) -> String {
        self.0.recv_timeout(SETTLE).expect("something is told in time")
    }
}

const SIGN_OF_LIFE: &str = "WATCHDOG=1\n";

#[test]
fn an_ordinary_user_with_four_capabilities_is_enough() {
    let ani = ani();
    let lab = Lab::new().expect("lab");
    let manager = Manager::new(&lab);
    let sbc = Sbc::start(&lab).expect("SBC");
    let settings = Settings { service: true, ..Settings::default() };
    let daemon = Daemon::start(&lab, ani, &settings).expect("daemon");
    let rig = Rig { daemon, sbc, lab };

    let status = fs::read_to_string(format!("/proc/{}/status", rig.daemon.id())).expect("status");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(field("Uid:"), vec![SERVICE_USER.to_string(); 4]);
    for set in ["CapPrm:", "CapEff:", "CapBnd:"] {
        let bits = u64::from_str_radix(&field(set)[0], 16).expect("a mask");
        assert_eq!(bits.count_ones() as usize, SERVICE_CAPABILITIES.len(), "{set} {bits:x}");
    }

    let ready = manager.next();
    assert!(ready.starts_with("READY=1\nSTATUS=attached to sbc0"), "{ready}");
    rig.daemon.cli(&["block", "add", BLOCKED]).expect("block add");
    rig.assert_stopped(BLOCKED);
    rig.assert_reachable(HONEST);
    // Held calls too: decided and put back by such a user.
    let held = rig.call(&Plan::new(Callers::one(HONEST), 5, 10).with(TWICE));
    assert!(held.all_completed(5), "{held:?}");
    assert!(tally(&rig, "held_released") > 0, "{}", rig.daemon.status().expect("status"));
    assert_eq!(tally(&rig, "release_failed"), 0);
    for _ in 0..3 {
        assert_eq!(manager.any(), SIGN_OF_LIFE);
    }

    // Who may look, who may change things, and who neither, are other users than it.
    for (groups, look, change) in
        [(&[][..], 4, 4), (&[SERVICE_READ_GROUP.1], 0, 4), (&[SERVICE_USER], 0, 0)]
    {
        let code = |arguments: &[&str]| {
            as_other(&rig.lab, groups, arguments).expect("a command").status.code()
        };
        assert_eq!(code(&["status"]), Some(look), "{groups:?}");
        assert_eq!(code(&["block", "add", BLOCKED]), Some(change), "{groups:?}");
    }

    rig.daemon.signal(Signal::SIGHUP).expect("SIGHUP");
    let reloading = manager.next();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    let ready = manager.next();
    assert!(ready.starts_with("READY=1\n") && ready.contains("is in force"), "{ready}");
    rig.daemon.cli(&["reload"]).expect("reload");
    assert!(manager.next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    let ready = manager.next();
    assert!(ready.starts_with("READY=1\n") && ready.contains("nothing changed"), "{ready}");
    // The file is read by its user, as the daemon's: a broken one is said where operators look.
    rig.lab.write("ani.toml", "[capture]\nsip_ports = \"all\"\n").expect("file");
    rig.daemon.signal(Signal::SIGHUP).expect("SIGHUP");
    assert!(manager.next().starts_with("RELOADING=1\n"));
    let refused = manager.next();
    assert!(refused.contains("reload refused") && refused.contains("ani.toml:2"), "{refused}");
    let command = rig.daemon.try_cli(&["reload"]).expect("a command");
    assert_eq!(command.status.code(), Some(2));
    assert!(manager.next().starts_with("RELOADING=1\n"));
    assert_eq!(manager.next(), refused);

    rig.daemon.stop().expect("a clean end");
    assert_eq!(manager.next(), "STOPPING=1\n");
}

#[test]
fn a_daemon_that_hangs_gives_no_sign_of_life() {
    let lab = Lab::new().expect("lab");
    let manager = Manager::new(&lab);
    let settings = Settings { service: true, ..Settings::default() };
    let daemon = Daemon::start(&lab, ani(), &settings).expect("daemon");
    manager.next();
    assert_eq!(manager.any(), SIGN_OF_LIFE);
    daemon.signal(Signal::SIGSTOP).expect("SIGSTOP");
    // Some may be on their way.
    thread::sleep(Duration::from_millis(200));
    let _on_their_way = manager.0.try_iter().count();
    let told = manager.0.recv_timeout(Duration::from_millis(1_500));
    assert!(told.is_err(), "a daemon that is stopped says that it goes on");
    daemon.signal(Signal::SIGCONT).expect("SIGCONT");
    assert_eq!(manager.any(), SIGN_OF_LIFE);
    daemon.stop().expect("a clean end");
}

/// The unit as it is, but for where the daemon is.
#[test]
fn the_unit_is_sound_and_exposes_little() {
    let source = workspace::root().join("ani-user/systemd/ani.service");
    let unit = fs::read_to_string(&source).expect("the unit");
    let lab = Lab::new().expect("lab");
    let own = unit.replace("/usr/bin/ani", &ani().display().to_string());
    let path = lab.write("ani.service", &own).expect("a unit");
    let analyze = |arguments: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        let output = command.args(arguments).arg(&path).output().expect("systemd-analyze");
        let text =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text.into_owned())
    };
    let (sound, text) = analyze(&["verify", "--man=no"]);
    assert!(sound && text.is_empty(), "{text}");
    let (_, text) = analyze(&["security", "--offline=true", "--no-pager"]);
    let exposed = text
        .lines()
        .find(|line| line.contains("Overall exposure level"))
        .and_then(|line| line.split_whitespace().find_map(|word| word.parse::<f64>().ok()))
        .unwrap_or_else(|| panic!("no figure: {text}"));
    assert!(exposed < MOST_EXPOSED, "{text}");
    for name in SERVICE_CAPABILITIES {
        let name = format!("CAP_{}", name.to_uppercase());
        let lines = unit.lines().filter(|line| line.contains("apabilit") && line.contains(&name));
        assert_eq!(lines.count(), 2, "{name}");
    }
}

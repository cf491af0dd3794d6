//! A changed configuration: what holds for one trunk holds for no other at any moment, and a budget is
//! that of its limit whatever stands around it.

use std::{
    fs,
    os::fd::{AsFd as _, OwnedFd},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use ani_ebpf::abi::counter::{Counter, Kind, TABLE};
use ani_tests::{invite::Invite, live};
use ani_user::{
    capture::clock::Clock,
    control::Daemon,
    kernel::Kernel,
    policy::{
        Enforce as _,
        entry::{Listed, Subject},
    },
    store::{Room, Store},
};

use crate::harness::{CHARGED, US, config_of, difference, frame, number, run, shown, with_program};

const HEAD: &str = "[capture]\nsip_ports = [5060]\nring_bytes = 1048576\n\
                    [lists]\nmax_entries = 1024\nmax_attempts = 0\n";
const OURS: &str = "[[trunk]]\nname = 'us'\nsources = ['203.0.113.0/24']\ncountry = 'US'\n";
const OTHER: &str = "[[trunk]]\nname = 'other'\nsources = ['100.64.0.0/24']\ncountry = 'US'\n";
const THIRD: &str = "[[trunk]]\nname = 'third'\nsources = ['192.0.2.0/24']\ncountry = 'US'\n";

/// On the block list, for trunk `us` alone.
const BLOCKED: &str = "14155551234";

/// A daemon around the program, but for its threads.
struct Running {
    daemon: Daemon,
    kernel: Arc<Kernel>,
    directory: PathBuf,
}

impl Running {
    fn new(name: &str, tables: &[&str]) -> Self {
        let config = config_of(&text(tables));
        let kernel = Arc::new(Kernel::load(&config).expect("the kernel takes the program"));
        let directory = std::env::temp_dir().join(format!("ani-{name}-{}", std::process::id()));
        let store = Store::open(&directory).expect("a store");
        let entry = Listed {
            subject: Subject { trunk: Some("us".to_owned()), ..Subject::number(number(BLOCKED)) },
            expires: None,
            reason: String::new(),
            added: Clock::new().now(),
            answer: None,
        };
        store.put("block", &[entry], Room::ANY).expect("kept");
        let daemon = Daemon::new(config, Arc::clone(&kernel) as _, store, Arc::new(Clock::new()));
        daemon.restore().expect("restored");
        Self { daemon, kernel, directory }
    }

    /// Takes another configuration, in the order the daemon does it.
    fn reload(&self, tables: &[&str]) {
        let config = config_of(&text(tables)).after(&self.daemon.config()).expect("numbers");
        self.kernel.configure(&config).expect("configured");
        self.daemon.reload(config).expect("reloaded");
    }

    /// The way out of a call.
    fn exit(&self, source: &str, digits: &str) -> Counter {
        let before = self.kernel.counters().expect("the counters");
        let frame = frame(source, &Invite::from(&format!("+{digits}")).bytes()).bytes();
        with_program(&self.kernel, |program| run(program, &frame, 1));
        let delta = difference(&before, &self.kernel.counters().expect("the counters"));
        let ways = TABLE
            .iter()
            .filter(|row| matches!(row.kind, Kind::Passed | Kind::Dropped | Kind::Held));
        let mut exits = ways.filter(|row| delta.value(row.counter) > 0);
        exits.next().unwrap_or_else(|| panic!("{}", shown(&delta))).counter
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What is left behind in the folder for temporary files harms nobody.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn text(tables: &[&str]) -> String {
    format!("{HEAD}{}", tables.concat())
}

#[test]
fn a_block_for_one_trunk_holds_for_it_alone_while_trunks_come_go_and_move() {
    const TIMES: u32 = 500;
    const RELOADS: usize = 60;
    let orders: [&[&str]; 5] =
        [&[OTHER, OURS], &[OTHER, THIRD, OURS], &[OURS], &[THIRD, OURS, OTHER], &[OURS, OTHER]];
    let running = Running::new("reload", &[OURS, OTHER]);
    let program: OwnedFd = with_program(&running.kernel, |program| {
        program.fd().expect("loaded").as_fd().try_clone_to_owned().expect("a descriptor")
    });
    let before = running.kernel.counters().expect("the counters");
    let stop = AtomicBool::new(false);
    let [ours, others] = [(US, AtomicU64::new(0)), (CHARGED, AtomicU64::new(0))];
    thread::scope(|scope| {
        for (source, runs) in [&ours, &others] {
            let frame = frame(source, &Invite::from(&format!("+{BLOCKED}")).bytes()).bytes();
            let (stop, program) = (&stop, &program);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    live::run(program.as_fd(), &frame, TIMES).expect("the kernel runs the frame");
                    runs.fetch_add(u64::from(TIMES), Ordering::Relaxed);
                }
            });
        }
        for order in orders.into_iter().cycle().take(RELOADS) {
            running.reload(order);
        }
        stop.store(true, Ordering::Relaxed);
    });
    let delta = difference(&before, &running.kernel.counters().expect("the counters"));
    let [ours, others] = [ours.1, others.1].map(AtomicU64::into_inner);
    println!("{RELOADS} reloads, {ours} and {others} INVITEs");
    assert!(ours > 0 && others > 0);
    assert_eq!(delta.value(Counter::DropBlocked), ours, "{}", shown(&delta));
    // Where its trunk is gone, it is a stranger's.
    let passed = delta.value(Counter::Pass) + delta.value(Counter::PassUntrusted);
    assert_eq!(passed, others, "{}", shown(&delta));
}

#[test]
fn a_budget_stays_that_of_its_limit_and_trunk() {
    let limit = |name: &str, per: &str| {
        format!(
            "[[limit]]\nname = '{name}'\ncalls = 2\nwithin = '10m'\nper = ['{per}']\n\
             mode = 'enforce'\n"
        )
    };
    let (first, second) = (limit("first", "called"), limit("second", "trunk"));
    let running = Running::new("budget", &[OURS, OTHER, &first.replace("= 2", "= 100"), &second]);
    let call = |source| running.exit(source, "14155550001");
    for exit in [Counter::Pass, Counter::Pass, Counter::DropLimited] {
        assert_eq!(call(US), exit);
    }
    // Neither has the other trunk spent anything, nor another limit.
    running.reload(&[OTHER, OURS, &second]);
    assert_eq!((call(US), call(CHARGED)), (Counter::DropLimited, Counter::Pass));
    running.reload(&[THIRD, OTHER, OURS, &limit("third", "called"), &second]);
    assert_eq!((call(US), call(CHARGED)), (Counter::DropLimited, Counter::Pass));
    assert_eq!(call(CHARGED), Counter::DropLimited);
}

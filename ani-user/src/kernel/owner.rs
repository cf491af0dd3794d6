//! Whose an XDP program is, as far as the kernel tells.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use aya::programs::{
    ProgramInfo,
    links::{FdLink, PinnedLink},
    loaded_programs,
};
use jiff::{Timestamp, tz::TimeZone};

use super::{
    object,
    pins::{self, Holder},
    preflight,
};

/// Folders on the BPF file system that are looked into for links of ours, and how deep.
const MAX_FOLDERS: usize = 1_000;
const MAX_DEPTH: usize = 3;

/// What libxdp calls the program that calls others in turn.
const DISPATCHER: &str = "xdp_dispatcher";

/// A program on an interface.
#[derive(Debug)]
pub struct Owner {
    id: u32,
    /// None where it is shown to root only.
    program: Option<Program>,
    /// Processes that hold its link.
    holders: Vec<Holder>,
    /// Where its link is kept.
    kept: Option<PathBuf>,
}

/// What the kernel says of a program.
#[derive(Debug)]
struct Program {
    name: String,
    tag: u64,
    user: Option<u32>,
    loaded: Option<SystemTime>,
}

impl Owner {
    /// Of the program of this id on the interface of this index. Links are looked for on the BPF file
    /// system, and in `folder` wherever that is.
    pub fn of(index: u32, id: u32, folder: Option<&Path>) -> Self {
        // The kernel shows programs of others to root only (CAP_SYS_ADMIN): the first is an error then.
        let program = loaded_programs().map_while(Result::ok).find(|info| info.id() == id);
        Self {
            id,
            program: program.map(|info| Program::of(&info)),
            holders: holders(index, id),
            kept: folder
                .into_iter()
                .chain([Path::new(preflight::BPFFS)])
                .find_map(|below| kept(below, index, id)),
        }
    }

    /// Whether its link is kept in a folder.
    pub fn is_kept_in(&self, folder: &Path) -> bool {
        self.kept.as_ref().and_then(|link| link.parent()) == Some(folder)
    }

    /// Whether it is a program of ani's.
    pub fn is_ours(&self) -> bool {
        let named = |program: &Program| program.name == object::PROGRAM;
        self.program.as_ref().is_some_and(named) || self.kept.is_some()
    }

    /// What can be done to take it off the interface of this name.
    pub fn remedy(&self, interface: &str) -> String {
        let name = self.program.as_ref().map(|program| program.name.as_str());
        match (&self.kept, self.holders.first()) {
            (Some(link), None) => {
                let folder = link.parent().unwrap_or(link);
                format!("take it off with `ani detach --pin {}`", folder.display())
            }
            (_, Some(holder)) => format!("stop {holder}"),
            _ if name == Some(DISPATCHER) => {
                format!("libxdp takes it off with `xdp-loader unload {interface} --all`")
            }
            _ => format!(
                "see it with `bpftool prog show id {}` and `bpftool link`; where it has no link, take it \
                 off with `ip link set dev {interface} xdp off`",
                self.id
            ),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, program, holders, kept } = self;
        let whose = match program {
            Some(program) if program.name == DISPATCHER => "libxdp's dispatcher",
            _ if self.is_ours() => "a program of ani's",
            Some(_) => "somebody else's program",
            None => "a program that is shown to root only",
        };
        write!(f, "{whose}, id {id}")?;
        if let Some(Program { name, tag, user, loaded }) = program {
            write!(f, ", `{name}`, tag {tag:016x}")?;
            if let Some(user) = user {
                write!(f, ", loaded by user {user}")?;
            }
            if let Some(at) = loaded.and_then(|at| Timestamp::try_from(at).ok()) {
                write!(f, " at {}", at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))?;
            }
        }
        for holder in holders {
            write!(f, ", held by {holder}")?;
        }
        if let Some(path) = kept {
            write!(f, ", kept by {}", path.display())?;
        }
        Ok(())
    }
}

impl Program {
    fn of(info: &ProgramInfo) -> Self {
        let name = String::from_utf8_lossy(info.name());
        Self {
            name: name.chars().map(|char| if char.is_control() { '?' } else { char }).collect(),
            tag: info.tag(),
            user: info.created_by_uid(),
            loaded: info.loaded_at(),
        }
    }
}

/// Processes with a descriptor of the link, as far as we may see theirs.
fn holders(index: u32, program: u32) -> Vec<Holder> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| holds(*pid, index, program))
        .map(|pid| Holder { pid: Some(pid), command: pins::command(pid) })
        .collect()
}

fn holds(pid: u32, index: u32, program: u32) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors.filter_map(Result::ok).any(|descriptor| {
        fs::read_link(descriptor.path())
            .is_ok_and(|target| target.to_string_lossy().starts_with("anon_inode:bpf"))
            && fs::read_to_string(
                Path::new(&format!("/proc/{pid}/fdinfo")).join(descriptor.file_name()),
            )
            .is_ok_and(|info| is_link(&info, index, program))
    })
}

/// Whether what is said of a descriptor is of a link of this program to this interface.
fn is_link(info: &str, index: u32, program: u32) -> bool {
    let field = |name: &str| {
        let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.and_then(|value| value.trim().parse::<u32>().ok())
    };
    field("ifindex") == Some(index) && field("prog_id") == Some(program)
}

/// Where a link of ours to the interface is kept below a folder.
fn kept(below: &Path, index: u32, program: u32) -> Option<PathBuf> {
    preflight::bpf_file_system(below).ok()?;
    let mut folders = vec![(below.to_path_buf(), 0)];
    let mut looked = 0;
    while let Some((folder, depth)) = folders.pop() {
        looked += 1;
        if looked > MAX_FOLDERS {
            return None;
        }
        let link = folder.join(pins::link_name(index));
        let is_ours = link.exists()
            && PinnedLink::from_pin(&link)
                .is_ok_and(|link| pins::link_program(&FdLink::from(link)).ok() == Some(program));
        if is_ours {
            return Some(link);
        }
        let below = fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
        let below = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        if depth < MAX_DEPTH {
            folders.extend(below.map(|entry| (entry.path(), depth + 1)));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_known_by_its_interface_and_program() {
        let info = "pos:\t0\nflags:\t02000000\nlink_type:\txdp\nlink_id:\t2442\n\
                    prog_tag:\t614b434cd8324ecc\nprog_id:\t17664\nifindex:\t8\n";
        assert!(is_link(info, 8, 17_664));
        assert!(!is_link(info, 9, 17_664));
        assert!(!is_link(info, 8, 17_665));
        assert!(!is_link("pos:\t0\n", 8, 17_664));
    }

    fn owner(name: &str) -> Owner {
        let program = Program {
            name: name.to_owned(),
            tag: 0x61_4b43_4cd8_324e,
            user: Some(0),
            loaded: Some(SystemTime::UNIX_EPOCH),
        };
        Owner { id: 7, program: Some(program), holders: Vec::new(), kept: None }
    }

    #[test]
    fn what_is_known_of_a_program_is_said() {
        let foreign = owner("xdp_drop");
        assert_eq!(
            foreign.to_string(),
            "somebody else's program, id 7, `xdp_drop`, tag 00614b434cd8324e, loaded by user 0 at \
             1970-01-01T00:00:00Z"
        );
        assert!(foreign.remedy("eth0").contains("ip link set dev eth0 xdp off"));
        let dispatcher = owner("xdp_dispatcher");
        assert!(dispatcher.to_string().starts_with("libxdp's dispatcher, id 7"));
        assert!(dispatcher.remedy("eth0").contains("xdp-loader unload eth0"));
        let holder = Holder { pid: Some(12), command: "ani run".to_owned() };
        let ours = Owner { holders: vec![holder], ..owner(object::PROGRAM) };
        assert!(ours.is_ours() && !foreign.is_ours());
        assert!(ours.to_string().ends_with(", held by process 12 (`ani run`)"), "{ours}");
        assert_eq!(ours.remedy("eth0"), "stop process 12 (`ani run`)");
        let unknown = Owner { program: None, ..foreign };
        assert_eq!(unknown.to_string(), "a program that is shown to root only, id 7");
    }
}

//! What labs left behind whose process was killed before it could clean up.

use std::path::{Path, PathBuf};

use super::namespace;
use crate::cleanup;

/// What the names of all labs start with; the maker's process id and a number follow.
const PREFIX: &str = "ani-lab-";

/// The name of a process's lab.
pub(super) fn name(pid: u32, lab: u32) -> String {
    format!("{PREFIX}{pid}-{lab}")
}

/// Ends what still runs in such labs, deletes their namespaces, removes their directories.
pub(super) fn remove() {
    for name in namespace::names().iter().filter(|name| is_left_behind(name)) {
        namespace::delete(name);
    }
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        if !entry.file_name().to_str().is_some_and(is_left_behind) {
            continue;
        }
        for mounted in mounted_below(&entry.path()) {
            cleanup::unmount(&mounted);
        }
        if let Err(error) = std::fs::remove_dir_all(entry.path()) {
            eprintln!("warning: cannot remove {}: {error}", entry.path().display());
        }
    }
}

/// Where file systems are mounted below a lab's directory, whose name has no character that proc(5)
/// writes otherwise.
fn mounted_below(directory: &Path) -> Vec<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let paths = mounts.lines().filter_map(|line| line.split(' ').nth(1)).map(PathBuf::from);
    paths.filter(|path| path.starts_with(directory) && path != directory).collect()
}

fn is_left_behind(name: &str) -> bool {
    maker(name).is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists())
}

/// Process id out of a lab's name, `ani-lab-PID-N`, with `-carrier` or `-sbc` behind it for a
/// namespace; none for a name that is not a lab's.
fn maker(name: &str) -> Option<u32> {
    let mut parts = name.strip_prefix(PREFIX)?.split('-');
    let pid = parts.next()?.parse().ok()?;
    let _lab: u32 = parts.next()?.parse().ok()?;
    (matches!(parts.next(), None | Some("carrier" | "sbc")) && parts.next().is_none())
        .then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_labs_are_taken_for_labs() {
        for name in ["ani-lab-12-0-sbc", "ani-lab-12-3-carrier", "ani-lab-12-3"] {
            assert_eq!(maker(name), Some(12), "{name}");
        }
        for name in [
            "ani",
            "ani-lab-12",
            "ani-lab-12-sbc",
            "ani-lab-12-0-sbc-x",
            "ani-lab-x-0",
            "ani-12-0",
            "blue",
        ] {
            assert_eq!(maker(name), None, "{name}");
        }
    }

    #[test]
    fn a_lab_whose_maker_lives_is_left_alone() {
        let own = std::process::id();
        assert_eq!(maker(&name(own, 3)), Some(own));
        assert!(!is_left_behind(&name(own, 3)));
        // No process has the largest id there could be.
        assert!(is_left_behind(&format!("{}-sbc", name(u32::MAX, 0))));
    }
}

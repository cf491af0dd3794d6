//! Users and groups by name, as the system knows them (NSS). Any of it may wait for a directory on the
//! network.

use std::io;

use nix::unistd::{Gid, Group, Uid, User};

/// The group of that name; none where there is none.
pub(crate) fn group(name: &str) -> io::Result<Option<u32>> {
    Ok(Group::from_name(name)?.map(|group| group.gid.as_raw()))
}

/// The name of a group, or its number.
pub(crate) fn group_name(id: u32) -> String {
    let group = Group::from_gid(Gid::from_raw(id)).ok().flatten();
    group.map_or_else(|| id.to_string(), |group| group.name)
}

/// The name of a user; none where he has none.
pub(crate) fn user_name(id: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(id)).ok().flatten().map(|user| user.name)
}

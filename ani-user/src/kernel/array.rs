//! Array maps that are made while the program runs, for an array of maps to point to.

use std::{
    io,
    os::fd::{AsFd as _, FromRawFd as _, OwnedFd},
};

use ani_ebpf::abi::list::{INNER_MAP, Line};
use anyhow::{Context as _, Result};
use aya::maps::{Array, Map, MapData};

use super::batch;

/// `BPF_MAP_CREATE` of `enum bpf_cmd`.
const BPF_MAP_CREATE: libc::c_long = 0;

/// `BPF_MAP_TYPE_ARRAY` of `enum bpf_map_type`.
const BPF_MAP_TYPE_ARRAY: u32 = 2;

/// The first fields of what `union bpf_attr` has for `BPF_MAP_CREATE`.
#[repr(C)]
struct CreateAttr {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    inner_map_fd: u32,
    numa_node: u32,
    name: [u8; 16],
}

/// An array of lines.
pub(super) struct Lines {
    map: Array<MapData, Line>,
    /// The same map, for what aya has no call for.
    fd: OwnedFd,
}

impl Lines {
    /// A new array of these lines; one of none holds a line of zeros.
    ///
    /// # Errors
    ///
    /// The kernel's: above all too little memory.
    pub(super) fn new(lines: &[Line]) -> Result<Self> {
        let count = u32::try_from(lines.len()).context("too many lines")?;
        let fd = create(count.max(1)).with_context(|| {
            format!("the kernel does not give {count} lines of 64 bytes for lists")
        })?;
        let keys: Vec<u32> = (0..count).collect();
        batch::update(fd.as_fd(), &keys, lines).context("cannot write the image of lists")?;
        let map = Array::try_from(Map::Array(MapData::from_fd(fd.try_clone()?)?))?;
        Ok(Self { map, fd })
    }

    /// What an array of maps can point to.
    pub(super) const fn map(&self) -> &Array<MapData, Line> {
        &self.map
    }

    /// A line.
    pub(super) fn get(&self, at: u32) -> Result<Line> {
        self.map.get(&at, 0).context("cannot read the image of lists")
    }

    /// Writes a line.
    pub(super) fn set(&mut self, at: u32, line: &Line) -> Result<()> {
        self.map.set(at, line, 0).context("cannot write the image of lists")
    }

    /// The first `count` lines.
    pub(super) fn first(&self, count: u32) -> Result<Vec<Line>> {
        batch::read(self.fd.as_fd(), count, [0; 8]).context("cannot read the image of lists")
    }
}

fn create(max_entries: u32) -> io::Result<OwnedFd> {
    let mut attr = CreateAttr {
        map_type: BPF_MAP_TYPE_ARRAY,
        key_size: size_of::<u32>() as u32,
        value_size: size_of::<Line>() as u32,
        max_entries,
        map_flags: INNER_MAP,
        inner_map_fd: 0,
        numa_node: 0,
        name: *b"ani_lists\0\0\0\0\0\0\0",
    };
    // SAFETY: the attribute is laid out as the kernel expects and its size is given; what lies behind
    // it the kernel takes for zeros.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_MAP_CREATE,
            &raw mut attr,
            size_of::<CreateAttr>() as libc::c_uint,
        )
    };
    match i32::try_from(fd) {
        // SAFETY: the kernel just made it and nobody else has it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

const _: () = assert!(size_of::<CreateAttr>() == 44);

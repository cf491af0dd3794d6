//! Many entries in one system call.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd},
};

use aya::Pod;

/// `BPF_MAP_LOOKUP_BATCH` of `enum bpf_cmd` (Linux 5.6).
const BPF_MAP_LOOKUP_BATCH: libc::c_long = 24;

/// `BPF_MAP_UPDATE_BATCH` of `enum bpf_cmd` (Linux 5.6).
const BPF_MAP_UPDATE_BATCH: libc::c_long = 26;

/// Entries written at once. The call copies entry by entry; more at once gains nothing.
const CHUNK: usize = 65_536;

/// `struct { … } batch` of `union bpf_attr`.
#[repr(C)]
#[derive(Default)]
struct BatchAttr {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

/// Writes `values` behind `keys`, which are as many.
///
/// # Errors
///
/// The kernel's; the entries before the one it stopped at are written.
pub(super) fn update<K: Pod, V: Pod>(
    map: BorrowedFd<'_>,
    keys: &[K],
    values: &[V],
) -> io::Result<()> {
    debug_assert_eq!(keys.len(), values.len());
    for (keys, values) in keys.chunks(CHUNK).zip(values.chunks(CHUNK)) {
        let mut attr = BatchAttr {
            keys: keys.as_ptr() as u64,
            values: values.as_ptr() as u64,
            count: keys.len().min(values.len()) as u32,
            map_fd: map.as_raw_fd() as u32,
            ..BatchAttr::default()
        };
        // SAFETY: the attribute is laid out as the kernel expects and its size is given; the two
        // arrays hold `count` plain values of the map's key and value size (the caller opened the map
        // by them) and outlive the call.
        let status = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                BPF_MAP_UPDATE_BATCH,
                &raw mut attr,
                size_of::<BatchAttr>() as libc::c_uint,
            )
        };
        if status != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Reads the first `count` elements of an array.
///
/// # Errors
///
/// The kernel's, and where it gives fewer.
pub(super) fn read<V: Pod>(map: BorrowedFd<'_>, count: u32, empty: V) -> io::Result<Vec<V>> {
    let mut values = vec![empty; count as usize];
    let mut keys = vec![0_u32; values.len().min(CHUNK)];
    // Where the last call ended, and where this one did: an array's key.
    let (mut from, mut to) = (0_u32, 0_u32);
    let mut first = true;
    for values in values.chunks_mut(CHUNK) {
        let mut attr = BatchAttr {
            in_batch: if first { 0 } else { &raw const from as u64 },
            out_batch: &raw mut to as u64,
            keys: keys.as_mut_ptr() as u64,
            values: values.as_mut_ptr() as u64,
            count: values.len() as u32,
            map_fd: map.as_raw_fd() as u32,
            ..BatchAttr::default()
        };
        // SAFETY: as for `update`; what the kernel writes to has room for `count` elements, and any
        // bytes are a valid value.
        let status = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                BPF_MAP_LOOKUP_BATCH,
                &raw mut attr,
                size_of::<BatchAttr>() as libc::c_uint,
            )
        };
        // The end of the map is told as an entry that is not there.
        let error = io::Error::last_os_error();
        if status != 0 && error.raw_os_error() != Some(libc::ENOENT) {
            return Err(error);
        }
        if attr.count as usize != values.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        from = to;
        first = false;
    }
    Ok(values)
}

const _: () = assert!(size_of::<BatchAttr>() == 56);

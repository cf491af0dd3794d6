//! Runs a loaded program on a frame of ours (`BPF_PROG_TEST_RUN`). aya's call wants the whole
//! object, which is locked while lists are loaded; this one wants the program's descriptor.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd},
    time::Duration,
};

/// `BPF_PROG_TEST_RUN` of `enum bpf_cmd`.
const BPF_PROG_TEST_RUN: libc::c_long = 10;

/// `BPF_F_TEST_XDP_LIVE_FRAMES` (linux/bpf.h, Linux 5.18): what the program passes goes into the stack.
const LIVE_FRAMES: u32 = 1 << 1;

/// `struct { … } test` of `union bpf_attr`.
#[repr(C)]
#[derive(Default)]
struct TestAttr {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    ctx_size_in: u32,
    ctx_size_out: u32,
    ctx_in: u64,
    ctx_out: u64,
    flags: u32,
    cpu: u32,
    batch_size: u32,
    reserved: u32,
}

impl TestAttr {
    /// One run on a frame, whose bytes outlive the call.
    fn of(program: BorrowedFd<'_>, frame: &[u8]) -> Self {
        Self {
            prog_fd: program.as_raw_fd() as u32,
            data_size_in: frame.len() as u32,
            data_in: frame.as_ptr() as u64,
            repeat: 1,
            ..Self::default()
        }
    }
}

/// `struct xdp_md` (linux/bpf.h).
#[repr(C)]
#[derive(Default)]
struct Context {
    data: u32,
    data_end: u32,
    data_meta: u32,
    ingress_ifindex: u32,
    rx_queue_index: u32,
    egress_ifindex: u32,
}

/// Runs `program` on `frame`, which it may change; what it returned.
///
/// # Errors
///
/// The kernel's.
pub(super) fn once(program: BorrowedFd<'_>, frame: &mut [u8]) -> io::Result<u32> {
    let len = frame.len() as u32;
    let data_out = frame.as_mut_ptr() as u64;
    run(&mut TestAttr { data_size_out: len, data_out, ..TestAttr::of(program, frame) })
}

/// Runs `program` on `frame` so many times, on copies that are thrown away; how long one run took on
/// average.
///
/// # Errors
///
/// The kernel's.
pub fn timed(program: BorrowedFd<'_>, frame: &[u8], times: u32) -> io::Result<Duration> {
    let mut attr = TestAttr { repeat: times, ..TestAttr::of(program, frame) };
    run(&mut attr)?;
    Ok(Duration::from_nanos(attr.duration.into()))
}

/// Runs `program` on so many copies of `frame` that came in nowhere, `batch` at a time; where it
/// redirects them, they are sent.
///
/// # Errors
///
/// The kernel's.
pub fn live_copies(
    program: BorrowedFd<'_>,
    frame: &[u8],
    copies: u32,
    batch: u32,
) -> io::Result<()> {
    let attr = TestAttr::of(program, frame);
    run(&mut TestAttr { repeat: copies, flags: LIVE_FRAMES, batch_size: batch, ..attr }).map(drop)
}

/// Runs `program` on `frame` as if it had come in on an interface; where it passes, the stack of that
/// interface gets it.
///
/// # Errors
///
/// The kernel's: above all an interface that is gone or down.
pub(super) fn live(program: BorrowedFd<'_>, frame: &[u8], ifindex: u32) -> io::Result<()> {
    let context =
        Context { data_end: frame.len() as u32, ingress_ifindex: ifindex, ..Context::default() };
    run(&mut TestAttr {
        ctx_size_in: size_of::<Context>() as u32,
        ctx_in: &raw const context as u64,
        flags: LIVE_FRAMES,
        batch_size: 1,
        ..TestAttr::of(program, frame)
    })
    .map(drop)
}

fn run(attr: &mut TestAttr) -> io::Result<u32> {
    // SAFETY: the attribute is laid out as the kernel expects and its size is given; what it points to
    // has the sizes it says, outlives the call, and any bytes are a valid value of what is written.
    let status = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_PROG_TEST_RUN,
            &raw mut *attr,
            size_of::<TestAttr>() as libc::c_uint,
        )
    };
    if status == 0 { Ok(attr.retval) } else { Err(io::Error::last_os_error()) }
}

const _: () = assert!(size_of::<TestAttr>() == 80 && size_of::<Context>() == 24);

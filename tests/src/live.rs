//! Frames onto an interface at millions a second, by a program that the kernel runs on live frames
//! (`BPF_PROG_TEST_RUN` with `BPF_F_TEST_XDP_LIVE_FRAMES`, Linux 5.18): no socket, no copy, and the
//! frames come to the other end's XDP program as frames, not as what a socket sends.

/// Instructions of the kernel's virtual machine.
mod assembly;

use std::{
    ffi::CStr,
    io,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result, ensure};

use self::assembly::{Instruction, Register};

/// Commands of `enum bpf_cmd`.
const BPF_MAP_CREATE: libc::c_long = 0;
const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_PROG_TEST_RUN: libc::c_long = 10;
const BPF_LINK_CREATE: libc::c_long = 28;

/// `enum bpf_map_type`.
const BPF_MAP_TYPE_ARRAY: u32 = 2;
/// `enum bpf_prog_type`.
const BPF_PROG_TYPE_XDP: u32 = 6;
/// `enum bpf_attach_type`.
const BPF_XDP: u32 = 37;
/// linux/if_link.h
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;
/// linux/bpf.h
const BPF_F_TEST_XDP_LIVE_FRAMES: u32 = 1 << 1;

/// `enum bpf_func_id`.
const BPF_FUNC_KTIME_GET_NS: i32 = 5;
const BPF_FUNC_GET_PRANDOM_U32: i32 = 7;
const BPF_FUNC_REDIRECT: i32 = 23;

/// Places in `struct xdp_md`.
const XDP_MD_DATA: i16 = 0;
const XDP_MD_DATA_END: i16 = 4;

/// Bytes of a frame that tell it from the others.
const MARK_LEN: usize = 8;

/// Frames the kernel makes before it sends them; fewer than the other end's queue holds (256 on
/// veth), and those of a pace fewer still: they come together.
const BATCH: u32 = 64;

/// Looks at the clock before a frame is sent whatever it says: a program must end.
const MAX_LOOKS: i32 = 1_000;

/// How far frames may be late and still all be sent, nanoseconds.
const MAX_LATE_NS: i32 = 1_000_000;

/// What a trivial program does with every frame: `enum xdp_action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The least that can be done with a frame.
    Drop = 1,
    /// As if there were no program.
    Pass = 2,
}

/// An XDP program in the kernel.
#[derive(Debug)]
pub struct Program(OwnedFd);

/// A program on an interface, until this is dropped.
#[derive(Debug)]
pub struct Link(#[expect(dead_code, reason = "holds the descriptor")] OwnedFd);

impl Program {
    /// One that does the same with every frame.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn trivial(action: Action) -> Result<Self> {
        Self::load(&[Instruction::set(Register::R0, action as i32), Instruction::EXIT])
    }

    /// Puts it on an interface; see [`attach`].
    ///
    /// # Errors
    ///
    /// Those of [`attach`].
    pub fn attach(&self, ifindex: u32) -> Result<Link> {
        attach(self.0.as_fd(), ifindex)
    }

    fn load(instructions: &[Instruction]) -> Result<Self> {
        const LICENSE: &CStr = c"Dual MIT/GPL";
        let mut attr = LoadAttr {
            prog_type: BPF_PROG_TYPE_XDP,
            insn_cnt: instructions.len() as u32,
            insns: instructions.as_ptr() as u64,
            license: LICENSE.as_ptr() as u64,
            expected_attach_type: BPF_XDP,
            ..LoadAttr::default()
        };
        let fd = bpf(BPF_PROG_LOAD, &mut attr).context("the kernel does not take a program")?;
        Ok(Self(descriptor(fd)))
    }
}

/// Puts a loaded XDP program on an interface of this thread's namespace, in its driver.
///
/// # Errors
///
/// When there is another, or the driver takes none.
pub fn attach(program: BorrowedFd<'_>, ifindex: u32) -> Result<Link> {
    let mut attr = LinkAttr {
        prog_fd: program.as_raw_fd() as u32,
        target_ifindex: ifindex,
        attach_type: BPF_XDP,
        flags: XDP_FLAGS_DRV_MODE,
    };
    let fd = bpf(BPF_LINK_CREATE, &mut attr)
        .with_context(|| format!("cannot attach a program to interface {ifindex}"))?;
    Ok(Link(descriptor(fd)))
}

/// Sends one frame again and again out of an interface, at its other end's XDP program.
#[derive(Debug)]
pub struct Generator {
    program: Program,
    frame: Vec<u8>,
    /// When the next frame is due; the program's.
    _clock: OwnedFd,
}

impl Generator {
    /// Sends `frame` out of the interface `ifindex`. At each place of `marks` stand eight lower-case
    /// letters of each copy's own: eight bytes the frame must have there. With `interval_ns` there is
    /// at least that time between two frames, nanoseconds; at most 50,000.
    ///
    /// # Errors
    ///
    /// When a mark is not within the frame, or the kernel refuses the program.
    pub fn new(
        ifindex: u32,
        frame: Vec<u8>,
        marks: &[usize],
        interval_ns: Option<u32>,
    ) -> Result<Self> {
        for mark in marks {
            let end = mark + MARK_LEN;
            ensure!(end <= frame.len(), "a frame of {} bytes has no mark to {end}", frame.len());
        }
        let mut attr = MapAttr {
            map_type: BPF_MAP_TYPE_ARRAY,
            key_size: size_of::<u32>() as u32,
            value_size: size_of::<u64>() as u32,
            max_entries: 1,
        };
        let clock = bpf(BPF_MAP_CREATE, &mut attr).context("cannot make a map")?;
        let clock = descriptor(clock);
        let mut instructions = vec![Instruction::copy(Register::R6, Register::R1)];
        if let Some(interval_ns) = interval_ns {
            wait(&mut instructions, &clock, interval_ns);
        }
        mark(&mut instructions, marks);
        redirect(&mut instructions, ifindex);
        Ok(Self { program: Program::load(&instructions)?, frame, _clock: clock })
    }

    /// Sends so many from this thread, which must be in the interface's namespace; those the other
    /// end has no room for are lost. What goes before and after takes some 20 ms.
    ///
    /// # Errors
    ///
    /// When the kernel cannot.
    pub fn send(&self, frames: u32) -> Result<()> {
        let mut attr = RunAttr {
            prog_fd: self.program.0.as_raw_fd() as u32,
            data_size_in: self.frame.len() as u32,
            data_in: self.frame.as_ptr() as u64,
            repeat: frames,
            flags: BPF_F_TEST_XDP_LIVE_FRAMES,
            batch_size: BATCH,
            ..RunAttr::default()
        };
        bpf(BPF_PROG_TEST_RUN, &mut attr).map(drop).context("cannot send live frames")
    }
}

/// Waits until the frame is due, and says when the next is. The context is in R6 and stays there.
fn wait(program: &mut Vec<Instruction>, clock: &OwnedFd, interval_ns: u32) {
    use Register::{R0, R1, R2, R8, R9};

    program.extend(Instruction::address_in(R8, clock.as_raw_fd()));
    program.extend([
        Instruction::set(R9, MAX_LOOKS),
        Instruction::call(BPF_FUNC_KTIME_GET_NS),
        Instruction::load(R1, R8, 0),
        Instruction::go_if_not_below(R0, R1, 2),
        Instruction::add(R9, -1),
        Instruction::go_if_left(R9, -5),
        // Those that are too late are not made up for.
        Instruction::copy(R2, R0),
        Instruction::add(R2, -MAX_LATE_NS),
        Instruction::go_if_not_below(R1, R2, 1),
        Instruction::copy(R1, R2),
        Instruction::add(R1, interval_ns as i32),
        Instruction::store(R8, 0, R1),
    ]);
}

/// Writes letters of its own into the frame.
fn mark(program: &mut Vec<Instruction>, marks: &[usize]) {
    use Register::{R0, R2, R3, R4, R6, R7};

    // A byte becomes one of sixteen letters.
    const NIBBLES: i32 = 0x0f0f_0f0f;
    const LETTERS: i32 = 0x6161_6161;

    let Some(last) = marks.iter().max() else {
        return;
    };
    program.extend([
        Instruction::call(BPF_FUNC_GET_PRANDOM_U32),
        Instruction::and32(R0, NIBBLES),
        Instruction::add32(R0, LETTERS),
        Instruction::copy(R7, R0),
        Instruction::call(BPF_FUNC_GET_PRANDOM_U32),
        Instruction::and32(R0, NIBBLES),
        Instruction::add32(R0, LETTERS),
        Instruction::load_word(R2, R6, XDP_MD_DATA),
        Instruction::load_word(R3, R6, XDP_MD_DATA_END),
        Instruction::copy(R4, R2),
        Instruction::add(R4, (last + MARK_LEN) as i32),
        Instruction::go_if_above(R4, R3, 2 * marks.len() as i16),
    ]);
    for at in marks.iter().map(|mark| *mark as i16) {
        program
            .extend([Instruction::store_word(R2, at, R0), Instruction::store_word(R2, at + 4, R7)]);
    }
}

/// Sends the frame out of an interface.
fn redirect(program: &mut Vec<Instruction>, ifindex: u32) {
    use Register::{R1, R2};

    program.extend([
        Instruction::set(R1, ifindex as i32),
        Instruction::set(R2, 0),
        Instruction::call(BPF_FUNC_REDIRECT),
        Instruction::EXIT,
    ]);
}

/// Start of the attribute of `BPF_MAP_CREATE` in `union bpf_attr`.
#[repr(C)]
struct MapAttr {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
}

/// Start of the attribute of `BPF_PROG_LOAD`.
#[repr(C)]
#[derive(Default)]
struct LoadAttr {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
}

/// The attribute of `BPF_PROG_TEST_RUN`.
#[repr(C)]
#[derive(Default)]
struct RunAttr {
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

/// Start of the attribute of `BPF_LINK_CREATE`.
#[repr(C)]
struct LinkAttr {
    prog_fd: u32,
    target_ifindex: u32,
    attach_type: u32,
    flags: u32,
}

/// bpf(2); `attr` is laid out as the command expects, and what it points to lives.
fn bpf<T>(command: libc::c_long, attr: &mut T) -> io::Result<i32> {
    // SAFETY: the callers above lay the attribute out as the kernel does, with addresses and lengths
    // of memory they hold during the call; the kernel checks the size it is given.
    let value = unsafe {
        libc::syscall(libc::SYS_bpf, command, &raw mut *attr, size_of::<T>() as libc::c_uint)
    };
    if value < 0 { Err(io::Error::last_os_error()) } else { Ok(value as i32) }
}

fn descriptor(fd: i32) -> OwnedFd {
    // SAFETY: the kernel has just made it for this process, and nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

const _: () = assert!(size_of::<MapAttr>() == 16);
const _: () = assert!(size_of::<LoadAttr>() == 72);
const _: () = assert!(size_of::<RunAttr>() == 80);
const _: () = assert!(size_of::<LinkAttr>() == 16);

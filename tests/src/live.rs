//! Frames onto an interface at millions a second, by a program that the kernel runs on live frames
//! (`BPF_PROG_TEST_RUN` with `BPF_F_TEST_XDP_LIVE_FRAMES`, Linux 5.18): no socket, no copy, and the
//! frames come to the other end's XDP program as frames, not as what a socket sends.

/// Instructions of the kernel's virtual machine.
mod assembly;
/// Frames with VLAN tags.
pub mod tagged;

use std::{
    ffi::CStr,
    io,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
    time::Duration,
};

use ani_user::kernel::test_run;
use anyhow::{Context as _, Result, ensure};

use self::assembly::{Instruction, Register};

/// Commands of `enum bpf_cmd`.
const BPF_MAP_CREATE: libc::c_long = 0;
const BPF_MAP_UPDATE_ELEM: libc::c_long = 2;
const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_LINK_CREATE: libc::c_long = 28;

/// `enum bpf_prog_type`.
const BPF_PROG_TYPE_XDP: u32 = 6;
/// `enum bpf_map_type`.
const BPF_MAP_TYPE_PROG_ARRAY: u32 = 3;
/// `enum bpf_attach_type`.
const BPF_XDP: u32 = 37;
/// linux/if_link.h
const XDP_FLAGS_SKB_MODE: u32 = 1 << 1;
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;
/// linux/bpf.h
const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;

/// `enum bpf_func_id`.
const BPF_FUNC_GET_PRANDOM_U32: i32 = 7;
const BPF_FUNC_TAIL_CALL: i32 = 12;
const BPF_FUNC_REDIRECT: i32 = 23;

/// Places in `struct xdp_md`.
const XDP_MD_DATA: i16 = 0;
const XDP_MD_DATA_END: i16 = 4;

/// Bytes of a frame that tell it from the others.
const MARK_LEN: usize = 8;

/// Frames the kernel makes and sends together; a quarter of what the other end's queue holds on veth.
const BATCH: u32 = 64;

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
        Self::load_with(instructions, 0)
    }

    fn load_with(instructions: &[Instruction], prog_flags: u32) -> Result<Self> {
        let attr = LoadAttr {
            prog_type: BPF_PROG_TYPE_XDP,
            expected_attach_type: BPF_XDP,
            prog_flags,
            ..LoadAttr::default()
        };
        Self::load_by(instructions, attr)
    }

    /// One of another type.
    fn load_as(prog_type: u32, instructions: &[Instruction]) -> Result<Self> {
        Self::load_by(instructions, LoadAttr { prog_type, ..LoadAttr::default() })
    }

    fn load_by(instructions: &[Instruction], attr: LoadAttr) -> Result<Self> {
        const LICENSE: &CStr = c"Dual MIT/GPL";
        let mut attr = LoadAttr {
            insn_cnt: instructions.len() as u32,
            insns: instructions.as_ptr() as u64,
            license: LICENSE.as_ptr() as u64,
            ..attr
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
    attach_as(program, ifindex, XDP_FLAGS_DRV_MODE)
}

fn attach_as(program: BorrowedFd<'_>, ifindex: u32, flags: u32) -> Result<Link> {
    attach_to(program, ifindex, BPF_XDP, flags)
}

fn attach_to(program: BorrowedFd<'_>, ifindex: u32, attach_type: u32, flags: u32) -> Result<Link> {
    let prog_fd = program.as_raw_fd() as u32;
    let mut attr = LinkAttr { prog_fd, target_ifindex: ifindex, attach_type, flags };
    let fd = bpf(BPF_LINK_CREATE, &mut attr)
        .with_context(|| format!("cannot attach a program to interface {ifindex}"))?;
    Ok(Link(descriptor(fd)))
}

/// Sends one frame again and again out of an interface, at its other end's XDP program.
#[derive(Debug)]
pub struct Generator {
    program: Program,
    frame: Vec<u8>,
    _parked: Link,
}

impl Generator {
    /// Sends `frame` out of the interface `ifindex`. At each place of `marks` stand eight lower-case
    /// letters of each copy's own: eight bytes the frame must have there.
    ///
    /// `spare` is an interface of this thread's namespace that nothing comes to, and has the program
    /// until the generator is dropped: for one that is on no interface the kernel writes its XDP
    /// dispatcher anew before and after each run, which takes it 20 ms.
    ///
    /// # Errors
    ///
    /// When a mark is not within the frame, or the kernel refuses the program.
    pub fn new(ifindex: u32, spare: u32, frame: Vec<u8>, marks: &[usize]) -> Result<Self> {
        for mark in marks {
            let end = mark + MARK_LEN;
            ensure!(end <= frame.len(), "a frame of {} bytes has no mark to {end}", frame.len());
        }
        let mut instructions = vec![Instruction::copy(Register::R6, Register::R1)];
        mark(&mut instructions, marks, Alphabet::Letters);
        redirect(&mut instructions, ifindex);
        let program = Program::load(&instructions)?;
        let parked = attach_as(program.0.as_fd(), spare, XDP_FLAGS_SKB_MODE)?;
        Ok(Self { program, frame, _parked: parked })
    }

    /// Sends so many from this thread, which must be in the interface's namespace; those the other
    /// end has no room for are lost. 64 take some 25 µs, more than a thousand 0.3 µs each.
    ///
    /// # Errors
    ///
    /// When the kernel cannot.
    pub fn send(&self, frames: u32) -> Result<()> {
        test_run::live_copies(self.program.0.as_fd(), &self.frame, frames, BATCH)
            .context("cannot send live frames")
    }
}

/// Runs frames through a program, each with marks of its own: what makes it another call.
#[derive(Debug)]
pub struct Renewing {
    program: Program,
    _next: OwnedFd,
}

impl Renewing {
    /// Goes on to `next`, a program that takes frames in fragments, with eight letters at each place
    /// of `letters` and eight digits (2 to 9) at each of `digits`: the same at all of a kind.
    ///
    /// # Errors
    ///
    /// When the kernel refuses the program.
    pub fn new(next: BorrowedFd<'_>, letters: &[usize], digits: &[usize]) -> Result<Self> {
        let map = program_array(next)?;
        let mut instructions = vec![Instruction::copy(Register::R6, Register::R1)];
        mark(&mut instructions, letters, Alphabet::Letters);
        mark(&mut instructions, digits, Alphabet::Digits);
        instructions.push(Instruction::copy(Register::R1, Register::R6));
        instructions.extend(Instruction::map(Register::R2, map.as_raw_fd()));
        instructions.extend([
            Instruction::set(Register::R3, 0),
            Instruction::call(BPF_FUNC_TAIL_CALL),
            Instruction::set(Register::R0, 0),
            Instruction::EXIT,
        ]);
        let program = Program::load_with(&instructions, BPF_F_XDP_HAS_FRAGS)?;
        Ok(Self { program, _next: map })
    }

    /// As [`run`].
    ///
    /// # Errors
    ///
    /// Those of [`run`].
    pub fn run(&self, frame: &[u8], times: u32) -> Result<Duration> {
        run(self.program.0.as_fd(), frame, times)
    }
}

/// A map for a tail call to one program.
fn program_array(next: BorrowedFd<'_>) -> Result<OwnedFd> {
    let mut attr = MapAttr { map_type: BPF_MAP_TYPE_PROG_ARRAY, key: 4, value: 4, entries: 1 };
    let map = descriptor(bpf(BPF_MAP_CREATE, &mut attr).context("no map for a tail call")?);
    let (key, value) = (0_u32, next.as_raw_fd() as u32);
    let mut attr = UpdateAttr {
        map_fd: map.as_raw_fd() as u32,
        reserved: 0,
        key: &raw const key as u64,
        value: &raw const value as u64,
        flags: 0,
    };
    bpf(BPF_MAP_UPDATE_ELEM, &mut attr).context("cannot point a tail call at a program")?;
    Ok(map)
}

/// Runs a frame through a program so many times; how long one run took on average.
///
/// # Errors
///
/// When the kernel cannot.
pub fn run(program: BorrowedFd<'_>, frame: &[u8], times: u32) -> Result<Duration> {
    test_run::timed(program, frame, times).context("cannot run a frame")
}

/// What marks are made of.
#[derive(Clone, Copy)]
enum Alphabet {
    /// `a` to `p`.
    Letters,
    /// `2` to `9`.
    Digits,
}

impl Alphabet {
    /// Bits that are kept of four random bytes, and what is added to them.
    const fn bytes(self) -> (i32, i32) {
        match self {
            Self::Letters => (0x0f0f_0f0f, 0x6161_6161),
            Self::Digits => (0x0707_0707, 0x3232_3232),
        }
    }
}

/// Writes marks of its own into the frame.
fn mark(program: &mut Vec<Instruction>, marks: &[usize], alphabet: Alphabet) {
    use Register::{R0, R2, R3, R4, R6, R7};

    let Some(last) = marks.iter().max() else {
        return;
    };
    let (bits, first) = alphabet.bytes();
    program.extend([
        Instruction::call(BPF_FUNC_GET_PRANDOM_U32),
        Instruction::and32(R0, bits),
        Instruction::add32(R0, first),
        Instruction::copy(R7, R0),
        Instruction::call(BPF_FUNC_GET_PRANDOM_U32),
        Instruction::and32(R0, bits),
        Instruction::add32(R0, first),
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

/// Start of the attribute of `BPF_PROG_LOAD` in `union bpf_attr`.
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

/// Start of the attribute of `BPF_MAP_CREATE`.
#[repr(C)]
struct MapAttr {
    map_type: u32,
    key: u32,
    value: u32,
    entries: u32,
}

/// Start of the attribute of `BPF_MAP_UPDATE_ELEM`.
#[repr(C)]
struct UpdateAttr {
    map_fd: u32,
    reserved: u32,
    key: u64,
    value: u64,
    flags: u64,
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

const _: () = assert!(size_of::<LoadAttr>() == 72);
const _: () = assert!(size_of::<UpdateAttr>() == 32);
const _: () = assert!(size_of::<LinkAttr>() == 16);

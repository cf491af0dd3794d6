//! Instructions of the kernel's virtual machine, those that a few lines of program need: RFC 9669.

/// A register. R0 is a call's result and the program's; R1 to R5 are a call's arguments and lost by
/// it; R6 to R9 stay.
#[derive(Clone, Copy)]
pub(super) enum Register {
    R0,
    R1,
    R2,
    R3,
    R4,
    R6 = 6,
    R7,
}

/// Says that the number of an `LD_IMM64` is a map's descriptor (`BPF_PSEUDO_MAP_FD`).
const MAP: u8 = 1;

/// An instruction as the kernel takes it (RFC 9669 §3).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    opcode: u8,
    /// Source in the upper half, destination in the lower.
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// Classes, sizes and operations, put together.
const ADD64_K: u8 = 0x07;
const AND32_K: u8 = 0x54;
const ADD32_K: u8 = 0x04;
const MOV64_K: u8 = 0xb7;
const MOV64_X: u8 = 0xbf;
const LDX_W: u8 = 0x61;
const STX_W: u8 = 0x63;
const JGT_X: u8 = 0x2d;
const JNE_K: u8 = 0x55;
const LD_IMM64: u8 = 0x18;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;

impl Instruction {
    /// Ends the program; its result is in R0.
    pub(super) const EXIT: Self = Self::new(EXIT, 0, 0, 0, 0);

    /// A register gets a number.
    pub(super) const fn set(to: Register, number: i32) -> Self {
        Self::new(MOV64_K, to as u8, 0, 0, number)
    }

    /// A register gets what another holds.
    pub(super) const fn copy(to: Register, from: Register) -> Self {
        Self::new(MOV64_X, to as u8, from as u8, 0, 0)
    }

    /// Adds a number, 64 bits wide.
    pub(super) const fn add(to: Register, number: i32) -> Self {
        Self::new(ADD64_K, to as u8, 0, 0, number)
    }

    /// Adds a number, 32 bits wide.
    pub(super) const fn add32(to: Register, number: i32) -> Self {
        Self::new(ADD32_K, to as u8, 0, 0, number)
    }

    /// Keeps the bits that a number has, of the lower 32.
    pub(super) const fn and32(to: Register, number: i32) -> Self {
        Self::new(AND32_K, to as u8, 0, 0, number)
    }

    /// A register gets the four bytes at an offset from another.
    pub(super) const fn load_word(to: Register, from: Register, offset: i16) -> Self {
        Self::new(LDX_W, to as u8, from as u8, offset, 0)
    }

    /// Writes a register's lower four bytes to an offset from another.
    pub(super) const fn store_word(to: Register, offset: i16, from: Register) -> Self {
        Self::new(STX_W, to as u8, from as u8, offset, 0)
    }

    /// Goes so many instructions on where the one register is above the other.
    pub(super) const fn go_if_above(one: Register, other: Register, to: i16) -> Self {
        Self::new(JGT_X, one as u8, other as u8, to, 0)
    }

    /// Goes so many instructions on where a register holds another number.
    pub(super) const fn go_unless(one: Register, number: i32, to: i16) -> Self {
        Self::new(JNE_K, one as u8, 0, to, number)
    }

    /// A register gets a map, by its descriptor: two instructions.
    pub(super) const fn map(to: Register, fd: i32) -> [Self; 2] {
        [Self::new(LD_IMM64, to as u8, MAP, 0, fd), Self::new(0, 0, 0, 0, 0)]
    }

    /// Calls a helper (`enum bpf_func_id`).
    pub(super) const fn call(helper: i32) -> Self {
        Self::new(CALL, 0, 0, 0, helper)
    }

    const fn new(opcode: u8, to: u8, from: u8, offset: i16, immediate: i32) -> Self {
        Self { opcode, registers: from << 4 | to, offset, immediate }
    }
}

const _: () = assert!(size_of::<Instruction>() == 8);

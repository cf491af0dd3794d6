//! Interfaces all of whose frames carry a VLAN tag, as on a trunk port of a switch: programs at the
//! queueing layer (tcx, Linux 6.6) push it and pop it, where a kernel may have no VLAN devices.

use std::{
    ffi::CString,
    io,
    net::UdpSocket,
    os::fd::{AsFd as _, AsRawFd as _},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    Link, Program,
    assembly::{Instruction, Register},
    attach_to,
};

/// `enum bpf_prog_type`.
const BPF_PROG_TYPE_SCHED_CLS: u32 = 3;
/// `enum bpf_attach_type`.
const BPF_TCX_INGRESS: u32 = 46;
const BPF_TCX_EGRESS: u32 = 47;

/// `enum bpf_func_id`.
const BPF_FUNC_SKB_VLAN_PUSH: i32 = 18;
const BPF_FUNC_SKB_VLAN_POP: i32 = 19;

/// Place in `struct __sk_buff`.
const SKB_VLAN_TCI: i16 = 24;
/// 802.1Q; helpers take it in network order.
const ETHERTYPE_VLAN: u16 = 0x8100;
/// Bits of a tag's control information that are its identifier (IEEE 802.1Q §9.6).
const ID: i32 = 0xfff;

/// `enum tcx_action_base`.
const TCX_PASS: i32 = 0;
const TCX_DROP: i32 = 2;

/// linux/ethtool.h
const ETHTOOL_GFLAGS: u32 = 0x25;
const ETHTOOL_SFLAGS: u32 = 0x26;
/// `ETH_FLAG_TXVLAN` and `ETH_FLAG_RXVLAN`.
const VLAN_OFFLOAD: u32 = 1 << 7 | 1 << 8;

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// Tags what goes out of an interface, and takes in nothing without that tag, until this is dropped.
#[derive(Debug)]
pub struct Tagged {
    _out: Link,
    _in: Link,
}

impl Tagged {
    /// Begins, on an interface of this thread's namespace.
    ///
    /// # Errors
    ///
    /// When there is no such interface, or the kernel takes no program there.
    pub fn new(interface: &str, id: u16) -> Result<Self> {
        let ifindex = index_of(interface)?;
        let attach = |instructions: &[Instruction], attach_type| -> Result<Link> {
            let program = Program::load_as(BPF_PROG_TYPE_SCHED_CLS, instructions)?;
            attach_to(program.0.as_fd(), ifindex, attach_type, 0)
        };
        Ok(Self {
            _out: attach(&push(id), BPF_TCX_EGRESS)?,
            _in: attach(&pop(id), BPF_TCX_INGRESS)?,
        })
    }
}

/// Tags every frame.
fn push(id: u16) -> [Instruction; 5] {
    use Register::{R0, R2, R3};

    [
        Instruction::set(R2, i32::from(ETHERTYPE_VLAN.to_be())),
        Instruction::set(R3, i32::from(id)),
        Instruction::call(BPF_FUNC_SKB_VLAN_PUSH),
        Instruction::set(R0, TCX_PASS),
        Instruction::EXIT,
    ]
}

/// Takes the tag off, and drops frames without it.
fn pop(id: u16) -> [Instruction; 8] {
    use Register::{R0, R1, R2};

    [
        Instruction::load_word(R2, R1, SKB_VLAN_TCI),
        Instruction::and32(R2, ID),
        Instruction::go_unless(R2, i32::from(id), 3),
        Instruction::call(BPF_FUNC_SKB_VLAN_POP),
        Instruction::set(R0, TCX_PASS),
        Instruction::EXIT,
        Instruction::set(R0, TCX_DROP),
        Instruction::EXIT,
    ]
}

/// Says whether tags go beside a frame to and from an interface's driver, or stand in its bytes, where
/// XDP sees them.
///
/// # Errors
///
/// When there is no such interface in this thread's namespace, or its driver cannot.
pub fn set_offload(interface: &str, beside: bool) -> Result<()> {
    let mut value = Value { command: ETHTOOL_GFLAGS, data: 0 };
    let failed = || format!("cannot set VLAN offload of {interface}");
    ethtool(interface, &mut value).with_context(failed)?;
    let data = if beside { value.data | VLAN_OFFLOAD } else { value.data & !VLAN_OFFLOAD };
    ethtool(interface, &mut Value { command: ETHTOOL_SFLAGS, data }).with_context(failed)
}

fn ethtool(interface: &str, value: &mut Value) -> io::Result<()> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    // SAFETY: all zero is a valid value of this struct.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if interface.len() >= request.ifr_name.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (target, byte) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *target = byte as libc::c_char;
    }
    request.ifr_ifru.ifru_data = (&raw mut *value).cast();
    // SAFETY: the request names an interface, ends in NUL, and points to a struct as large as the
    // kernel's, both alive during the call.
    let status =
        unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut request) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn index_of(interface: &str) -> Result<u32> {
    let name = CString::new(interface)?;
    // SAFETY: the name is a string that ends in a zero and outlives the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    ensure!(index != 0, "there is no interface {interface}");
    Ok(index)
}

const _: () = assert!(size_of::<Value>() == 8);

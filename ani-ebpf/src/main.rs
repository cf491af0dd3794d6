//! The XDP object. Everything it does is in [`program`]; this is the table from outcome to verdict.
//!
//! On any other target than the kernel's virtual machine this is a program that says how to build
//! the object, so that the whole workspace builds, tests and lints on the host.

#![cfg_attr(target_arch = "bpf", no_std, no_main)]
// The BPF target has the compare-and-exchange instruction (v3), but no safe name for it yet.
#![cfg_attr(
    target_arch = "bpf",
    feature(core_intrinsics),
    expect(internal_features, reason = "see above")
)]

#[cfg(target_arch = "bpf")]
mod program;

#[cfg(target_arch = "bpf")]
mod object {
    use ani_ebpf::abi::{
        ABI_VERSION,
        counter::{Kind, TABLE},
    };
    use aya_ebpf::{
        bindings::xdp_action::{XDP_ABORTED, XDP_DROP, XDP_PASS},
        macros::xdp,
        programs::XdpContext,
    };

    use crate::program;

    /// Looked at before the object is loaded; see [`ani_ebpf::abi::ABI_SECTION`].
    #[unsafe(no_mangle)]
    #[unsafe(link_section = "ani_abi")]
    static ANI_ABI_VERSION: u32 = ABI_VERSION;

    /// Without a licence that says GPL the kernel refuses some of the helpers.
    #[unsafe(no_mangle)]
    #[unsafe(link_section = "license")]
    static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

    /// `frags` lets the program sit on interfaces with jumbo frames (Linux 5.18).
    #[xdp(frags)]
    #[inline(always)]
    pub(crate) fn ani_ingress(ctx: XdpContext) -> u32 {
        verdict(program::ingress(&ctx) as u8)
    }

    /// Where `ani_ingress` goes on to with an INVITE that was read.
    #[xdp(frags)]
    #[inline(always)]
    pub(crate) fn ani_decide(ctx: XdpContext) -> u32 {
        verdict(program::decide(&ctx))
    }

    /// Where `ani_ingress` goes on to with what may belong to a call that was stopped.
    #[xdp(frags)]
    #[inline(always)]
    pub(crate) fn ani_follow_up(ctx: XdpContext) -> u32 {
        verdict(program::follow_up(&ctx) as u8)
    }

    /// Run by the daemon alone: what becomes of a call that was held. The frame is its question, and
    /// gets the answer.
    #[xdp]
    #[inline(always)]
    pub(crate) fn ani_settle(ctx: XdpContext) -> u32 {
        if program::settle(&ctx) { XDP_PASS } else { XDP_ABORTED }
    }

    #[inline(always)]
    fn verdict(exit: u8) -> u32 {
        match TABLE.get(usize::from(exit)).map(|row| row.kind) {
            Some(Kind::Dropped | Kind::Held) => XDP_DROP,
            _ => XDP_PASS,
        }
    }

    /// Passes everything: what released frames go through, and what a frame costs that nobody looks at.
    #[xdp]
    #[inline(always)]
    pub(crate) fn ani_pass(_ctx: XdpContext) -> u32 {
        XDP_PASS
    }

    /// A loop, because the verifier refuses a program that could get here: "last insn is not an
    /// exit or jmp". Anything that lets it verify would turn a bug into wrong code.
    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        loop {}
    }
}

#[cfg(not(target_arch = "bpf"))]
fn main() {
    eprintln!("this is the XDP program of ani; `cargo xtask build` makes the object");
    std::process::exit(1);
}

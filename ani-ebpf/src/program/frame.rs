//! The frame: the only place that reads packet memory.

use core::{hint, mem};

use aya_ebpf::{
    EbpfContext as _,
    helpers::generated::{bpf_xdp_adjust_head, bpf_xdp_get_buff_len, bpf_xdp_load_bytes},
    programs::XdpContext,
};

/// Headers are looked for this far into a frame, bytes. The verifier wants a bound on every offset;
/// what has its transport header behind it is passed as too deep.
pub(super) const MAX_HEADER_OFFSET: usize = 512;

/// The frame has no such bytes, or they cannot be written.
pub(super) struct Unwritable;

/// A frame under inspection.
pub(super) struct Frame<'a> {
    ctx: &'a XdpContext,
}

impl<'a> Frame<'a> {
    #[inline(always)]
    pub(super) fn new(ctx: &'a XdpContext) -> Self {
        Self { ctx }
    }

    /// What a notice is written with.
    #[inline(always)]
    pub(super) fn context(&self) -> &'a XdpContext {
        self.ctx
    }

    /// `N` bytes at `offset`; `None` when the frame ends before or the offset is over
    /// [`MAX_HEADER_OFFSET`].
    #[inline(always)]
    pub(super) fn read<const N: usize>(&self, offset: usize) -> Option<&'a [u8; N]> {
        if offset > MAX_HEADER_OFFSET {
            return None;
        }
        let start = self.ctx.data() + offset;
        if start + mem::size_of::<[u8; N]>() > self.ctx.data_end() {
            return None;
        }
        // SAFETY: [start, start + N) lies between data and data_end, as just checked (the verifier
        // checks it again), and bytes have no alignment and no invalid value.
        Some(unsafe { &*(start as *const [u8; N]) })
    }

    /// Takes `len` bytes off its start; what was read before is of no use then.
    #[inline(always)]
    pub(super) fn shorten(&self, len: i32) -> Result<(), Unwritable> {
        // SAFETY: the context is the one the program was called with; bytes of the frame are looked up
        // anew each time.
        match unsafe { bpf_xdp_adjust_head(self.ctx.ctx, len) } {
            0 => Ok(()),
            _ => Err(Unwritable),
        }
    }

    /// Writes `bytes` at `offset`.
    #[inline(always)]
    pub(super) fn write<const N: usize>(
        &self,
        offset: usize,
        bytes: &[u8; N],
    ) -> Result<(), Unwritable> {
        let start = self.ctx.data() + offset;
        if start + mem::size_of::<[u8; N]>() > self.ctx.data_end() {
            return Err(Unwritable);
        }
        // SAFETY: as for `read`; nobody holds a reference into what is written.
        unsafe { (start as *mut [u8; N]).write(*bytes) };
        Ok(())
    }

    /// Length of the whole frame, all its buffers together, bytes.
    ///
    /// The helper's 64 bits are kept: cut to 32 and compared, the verifier would lose the bound.
    #[inline(always)]
    pub(super) fn len(&self) -> u64 {
        // SAFETY: the context is the one the program was called with.
        unsafe { bpf_xdp_get_buff_len(self.ctx.ctx) }
    }

    /// Index of the interface it came in on.
    #[inline(always)]
    pub(super) fn ifindex(&self) -> u32 {
        self.ctx.ingress_ifindex() as u32
    }

    /// Copies `len` bytes from `offset` on to the start of `target`, cut to what it holds less one
    /// byte. How many were copied; `None` when the frame is shorter than that, or for none.
    #[inline(always)]
    pub(super) fn load<const N: usize>(
        &self,
        offset: u32,
        len: u64,
        target: &mut [u8; N],
    ) -> Option<u32> {
        let room = N as u64 - 1;
        // The compiler may know that there is something to copy and leave the check away; the
        // verifier then does not.
        let len = hint::black_box(len);
        let len = if len > room { room } else { len };
        if len == 0 {
            return None;
        }
        // SAFETY: `target` has room for `len` bytes, as just bounded.
        let status = unsafe {
            bpf_xdp_load_bytes(
                self.ctx.as_ptr().cast(),
                offset,
                target.as_mut_ptr().cast(),
                len as u32,
            )
        };
        (status == 0).then_some(len as u32)
    }
}

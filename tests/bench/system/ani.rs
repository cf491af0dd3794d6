//! ani's program with a block list, on the lab's interface or off it.

use std::os::fd::AsFd as _;

use ani_ebpf::abi::{counter::Counters, number::Number};
use ani_tests::live::{self, Link};
use ani_user::{
    capture::ring::rings::Rings,
    config::Config,
    kernel::{Kernel, maps::ReaderAsleep, object},
    policy::{BLOCK, Enforce as _, Listing},
};
use anyhow::{Context as _, Result};
use aya::programs::{ProgramFd, Xdp};
use xtask::lab::TRUNK;

/// Numbers on the block list.
const BLOCK_LIST_LEN: u32 = 1_000_000;

/// One of them.
pub(crate) const BLOCKED: &str = "12025550166";

/// The program and its maps.
pub(crate) struct Ani {
    program: ProgramFd,
    kernel: Kernel,
}

impl Ani {
    /// Loads it as the daemon does, with rings of so many bytes.
    pub(crate) fn new(ring_bytes: u32) -> Result<Self> {
        let text = format!(
            "[capture]\nring_bytes = {ring_bytes}\n[lists]\nmax_entries = {BLOCK_LIST_LEN}\n\
             [[trunk]]\nname = \"bench\"\nsources = [\"{}\"]\n",
            TRUNK[0]
        );
        let kernel = Kernel::load(&Config::parse(&text, "bench")?)?;
        let others = (0..BLOCK_LIST_LEN - 1).map(|number| format!("1212{number:07}"));
        let mut listings = others.chain([BLOCKED.to_owned()]).map(|digits| {
            let number = Number::from_ascii(digits.as_bytes()).context("no number")?;
            Ok(Listing::number(BLOCK, number, None))
        });
        kernel.relist(&mut listings)?;
        let program = kernel.with_object(|ebpf| {
            let program: &Xdp =
                ebpf.program(object::PROGRAM).context("no program in the object")?.try_into()?;
            anyhow::Ok(program.fd()?.try_clone()?)
        })?;
        let ani = Self { program, kernel };
        ani.capture(false)?;
        Ok(ani)
    }

    /// Puts it on an interface of this thread's namespace.
    pub(crate) fn attach(&self, ifindex: u32) -> Result<Link> {
        live::attach(self.program.as_fd(), ifindex)
    }

    /// Says whether INVITEs are written to the rings.
    pub(crate) fn capture(&self, on: bool) -> Result<()> {
        self.kernel.adjust(|settings| settings.capture = u32::from(on))
    }

    /// What a reader of the rings needs; once.
    pub(crate) fn rings(&self) -> Result<(Rings, ReaderAsleep)> {
        self.kernel.rings()
    }

    pub(crate) fn counters(&self) -> Result<Counters> {
        self.kernel.counters()
    }
}

//! Native or generic; never over somebody else's program.

use anyhow::{Context as _, Result, bail};
use aya::programs::{
    Xdp,
    links::FdLink,
    xdp::{XdpLink, XdpMode},
};

use super::{owner::Owner, preflight, xdp_state::Seen};
use crate::config::Mode;

/// Attaches `program` to the interface: the link, and the mode it got.
///
/// The link ends with the last who holds it, and the traffic goes on: the daemon, or a folder it is kept
/// in.
pub(super) fn attach(
    program: &mut Xdp,
    interface: &Seen,
    mode: Mode,
) -> Result<(FdLink, &'static str)> {
    let name = &interface.name;
    if let Some(attached) = interface.attached {
        let owner = Owner::of(interface.index, attached.program, None);
        bail!(
            "{name} already has an XDP program ({}), and ani does not replace it: {owner}; {}",
            attached.mode,
            owner.remedy(name)
        );
    }
    match mode {
        Mode::Generic => generic(program, interface),
        Mode::Native => native(program, interface).with_context(|| {
            format!(
                "{name} does not take the program in its driver (`capture.mode = \
                 \"generic\"` works everywhere and costs more)"
            )
        }),
        Mode::Auto => native(program, interface).or_else(|error| {
            tracing::warn!("{name}: not in the driver ({error:#}); attaching generic");
            generic(program, interface)
        }),
    }
}

/// Puts `program` in the place of the one that a link has on its interface, in one step: no packet meets
/// none of them, and none both.
pub(super) fn swap(program: &mut Xdp, link: FdLink) -> Result<FdLink> {
    let link = XdpLink::try_from(link).context("the link that is kept is none of an interface")?;
    let id = program.attach_to_link(link).context("the kernel does not swap the program")?;
    Ok(FdLink::try_from(program.take_link(id)?)?)
}

fn native(program: &mut Xdp, interface: &Seen) -> Result<(FdLink, &'static str)> {
    Ok((attach_as(program, interface, XdpMode::Driver)?, "native"))
}

fn generic(program: &mut Xdp, interface: &Seen) -> Result<(FdLink, &'static str)> {
    let link = attach_as(program, interface, XdpMode::Skb)
        .with_context(|| format!("cannot attach to {}", interface.name))?;
    Ok((link, "generic"))
}

fn attach_as(program: &mut Xdp, interface: &Seen, mode: XdpMode) -> Result<FdLink> {
    let id = program
        .attach_to_if_index(interface.index, mode)
        .map_err(|error| preflight::explain_denied(error.into()))?;
    // Where the kernel refuses a link, aya falls back to an attachment that would stay behind when
    // the daemon is killed; dropped here, it is taken off again.
    FdLink::try_from(program.take_link(id)?)
        .with_context(|| format!("the kernel refuses a link for the program on {}", interface.name))
}

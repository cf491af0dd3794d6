//! Native or generic; never over somebody else's program.

use anyhow::{Context as _, Result, bail};
use aya::programs::{ProgramError, Xdp, links::FdLink, xdp::XdpMode};

use super::{preflight, xdp_state};
use crate::config::Mode;

/// Attaches `program` to the interface: the link, and the mode it got.
///
/// The link belongs to the daemon: it ends with it, however it ends, and the traffic goes on.
pub(super) fn attach(
    program: &mut Xdp,
    interface: &str,
    mode: Mode,
) -> Result<(FdLink, &'static str)> {
    if let Some(attached) = xdp_state::of(interface)? {
        bail!(
            "{interface} already has an XDP program (id {}, {}): ani does not replace it; see it \
             with `bpftool prog show id {}`, take it off with `ip link set dev {interface} xdp off`",
            attached.program,
            attached.mode,
            attached.program,
        );
    }
    match mode {
        Mode::Generic => generic(program, interface),
        Mode::Native => native(program, interface).with_context(|| {
            format!(
                "{interface} does not take the program in its driver (`capture.mode = \
                 \"generic\"` works everywhere and costs more)"
            )
        }),
        Mode::Auto => native(program, interface).or_else(|error| {
            tracing::warn!("{interface}: not in the driver ({error:#}); attaching generic");
            generic(program, interface)
        }),
    }
}

fn native(program: &mut Xdp, interface: &str) -> Result<(FdLink, &'static str)> {
    Ok((attach_as(program, interface, XdpMode::Driver)?, "native"))
}

fn generic(program: &mut Xdp, interface: &str) -> Result<(FdLink, &'static str)> {
    let link = attach_as(program, interface, XdpMode::Skb)
        .with_context(|| format!("cannot attach to {interface}"))?;
    Ok((link, "generic"))
}

fn attach_as(program: &mut Xdp, interface: &str, mode: XdpMode) -> Result<FdLink> {
    let id = program.attach(interface, mode).map_err(explain)?;
    // Where the kernel refuses a link, aya falls back to an attachment that would stay behind when
    // the daemon is killed; dropped here, it is taken off again.
    FdLink::try_from(program.take_link(id)?)
        .with_context(|| format!("the kernel refuses a link for the program on {interface}"))
}

fn explain(error: ProgramError) -> anyhow::Error {
    match &error {
        ProgramError::UnknownInterface { name } => anyhow::anyhow!(
            "there is no interface {name}: `ip -br link` lists them, `capture.interfaces` names them"
        ),
        _ => preflight::explain_denied(error.into()),
    }
}

//! The interfaces the program is on: attached at start, or taken over from the daemon before, and followed
//! as they come, go and are renamed.
//!
//! An interface is known by its index, which stays while it is there; its name is what the configuration
//! finds it by.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use aya::programs::{Xdp, links::FdLink};

use super::{
    attach,
    pins::{self, Folder, Pins},
    xdp_state::{self, Seen},
};
use crate::{
    config::{Capture, Mode},
    policy::Interface,
};

/// The configured interfaces.
#[derive(Default)]
pub(super) struct Interfaces {
    /// Names, in the order of the configuration.
    wanted: Vec<String>,
    mode: Option<Mode>,
    attached: Vec<Attachment>,
    /// Why the program is not on an interface, by the name it is configured by; each is said once.
    troubles: BTreeMap<String, String>,
}

/// The program on an interface. Dropped, it is taken off, unless the link is kept in a folder.
struct Attachment {
    index: u32,
    /// The name it is configured by.
    configured: String,
    /// What it is called now.
    name: String,
    mode: &'static str,
    link: FdLink,
    /// Whether the link is kept in a folder already.
    kept: bool,
}

impl Attachment {
    fn kept_in(self, folder: &Folder) -> Result<Self> {
        if self.kept {
            return Ok(self);
        }
        Ok(Self { link: folder.keep(self.index, self.link)?, kept: true, ..self })
    }
}

impl Interfaces {
    /// Puts the program on the configured interfaces, and takes it off those that a daemon before was
    /// told of and this one is not.
    ///
    /// Where a daemon before left its program, this one takes its place in one step.
    ///
    /// # Errors
    ///
    /// When an interface is missing, has somebody else's program, or its driver cannot; then all is as
    /// it was before.
    pub(super) fn attach(
        program: &mut Xdp,
        capture: &Capture,
        mut pins: Option<&mut Pins>,
    ) -> Result<Self> {
        let mut kept = match &pins {
            Some(pins) => pins.folder().links()?,
            None => BTreeMap::new(),
        };
        let mut all = Self {
            wanted: capture.interfaces.clone(),
            mode: Some(capture.mode),
            ..Self::default()
        };
        // What can be refused comes first.
        let mut swaps = Vec::new();
        for name in &capture.interfaces {
            let seen = xdp_state::named(name)?;
            match kept.remove(&seen.index) {
                Some(link) if is_on(&link, &seen) => swaps.push((seen, link)),
                // One of an interface that is gone, whose index another has now, is good for nothing.
                _ => all.attached.push(fresh(program, name, seen, capture.mode)?),
            }
        }
        if let Some(pins) = &mut pins {
            pins.stay();
        }
        for (seen, link) in swaps {
            all.attached.push(taken_over(program, seen, link, capture.mode)?);
        }
        let place = |attachment: &Attachment| {
            capture.interfaces.iter().position(|name| *name == attachment.configured)
        };
        all.attached.sort_by_key(place);
        if let Some(pins) = pins {
            let attached = all.attached.into_iter();
            all.attached = attached.map(|one| one.kept_in(pins.folder())).collect::<Result<_>>()?;
            for (index, link) in kept {
                pins.folder().unlink(index)?;
                drop(link);
                if let Some(seen) = xdp_state::indexed(index)? {
                    tracing::warn!("{} is configured no more: taken off", seen.name);
                }
            }
            pins.remove_others()?;
        }
        Ok(all)
    }

    /// Looks what has become of the interfaces: the program is put on one that is there again under a
    /// configured name, and one that is gone is let go.
    pub(super) fn follow(&mut self, program: &mut Xdp, folder: Option<&Folder>) {
        let mut at = 0;
        while let Some(attachment) = self.attached.get_mut(at) {
            match still_there(attachment) {
                Ok(true) => at += 1,
                Ok(false) => {
                    let gone = self.attached.swap_remove(at);
                    tracing::warn!("{} is gone, and the program with it", gone.name);
                    if let Some(folder) = folder
                        && let Err(error) = folder.unlink(gone.index)
                    {
                        tracing::warn!("{error:#}");
                    }
                }
                Err(error) => {
                    tracing::warn!("{}: {error:#}", attachment.name);
                    at += 1;
                }
            }
        }
        for name in self.wanted.clone() {
            if self.attached.iter().any(|attachment| attachment.name == name) {
                self.troubles.remove(&name);
                continue;
            }
            match self.attach_anew(program, folder, &name) {
                Ok(true) => {
                    self.troubles.remove(&name);
                    tracing::info!("{name} is there again: attached");
                }
                // It goes by another name now.
                Ok(false) if self.is_followed(&name) => {}
                Ok(false) => self.tell(name, "there is no such interface".to_owned()),
                Err(error) => self.tell(name, format!("{error:#}")),
            }
        }
    }

    fn is_followed(&self, configured: &str) -> bool {
        self.attached.iter().any(|attachment| attachment.configured == configured)
    }

    /// Puts the program on the interface of a name; whether there is one.
    fn attach_anew(
        &mut self,
        program: &mut Xdp,
        folder: Option<&Folder>,
        name: &str,
    ) -> Result<bool> {
        let (Some(seen), Some(mode)) = (xdp_state::find(name)?, self.mode) else {
            return Ok(false);
        };
        let mut attachment = fresh(program, name, seen, mode)?;
        if let Some(folder) = folder {
            attachment = attachment.kept_in(folder)?;
        }
        self.attached.push(attachment);
        Ok(true)
    }

    fn tell(&mut self, name: String, trouble: String) {
        if self.troubles.get(&name) != Some(&trouble) {
            tracing::warn!("{name} has no program: {trouble}");
            self.troubles.insert(name, trouble);
        }
    }

    /// Those, by index, whose program is a generic one.
    pub(super) fn generic(&self) -> Vec<u32> {
        let generic = self.attached.iter().filter(|attachment| attachment.mode == "generic");
        generic.map(|attachment| attachment.index).collect()
    }

    /// How each is: those with the program, then those without.
    pub(super) fn list(&self) -> Vec<Interface> {
        let attached = self.attached.iter().map(|attachment| Interface {
            name: attachment.name.clone(),
            configured: attachment.configured.clone(),
            mode: attachment.mode,
            trouble: None,
        });
        let without = self.troubles.iter().map(|(name, trouble)| Interface {
            name: name.clone(),
            configured: name.clone(),
            mode: "none",
            trouble: Some(trouble.clone()),
        });
        attached.chain(without).collect()
    }
}

/// Whether the program of a link is on the interface.
fn is_on(link: &FdLink, seen: &Seen) -> bool {
    let on = seen.attached.map(|attached| attached.program);
    on.is_some() && pins::link_program(link).ok() == on
}

fn fresh(program: &mut Xdp, configured: &str, seen: Seen, mode: Mode) -> Result<Attachment> {
    let (link, mode) = attach::attach(program, &seen, mode)?;
    let Seen { index, name, .. } = seen;
    Ok(Attachment { index, configured: configured.to_owned(), name, mode, link, kept: false })
}

/// Takes the place of the program that a link has on its interface.
fn taken_over(program: &mut Xdp, seen: Seen, link: FdLink, mode: Mode) -> Result<Attachment> {
    let Seen { index, name, attached } = seen;
    let link = attach::swap(program, link)
        .with_context(|| format!("cannot take over from the program on {name}"))?;
    let has = attached.map_or("none", |attached| attached.mode);
    let wants = match mode {
        Mode::Auto => has,
        Mode::Generic => "generic",
        Mode::Native => "native",
    };
    if has != wants {
        tracing::warn!(
            "{name} stays {has} while a program is on it, and capture.mode says {wants}: stop the \
             daemon, `ani detach`, and start it again"
        );
    }
    tracing::info!("{name}: took over from the program that was there");
    Ok(Attachment { index, configured: name.clone(), name, mode: has, link, kept: true })
}

/// Whether the program is on the interface still; what that is called now is noted.
fn still_there(attachment: &mut Attachment) -> Result<bool> {
    let Some(seen) = xdp_state::indexed(attachment.index)? else { return Ok(false) };
    if !is_on(&attachment.link, &seen) {
        return Ok(false);
    }
    if seen.name != attachment.name {
        tracing::info!("{} is called {} now", attachment.name, seen.name);
        attachment.name = seen.name;
    }
    Ok(true)
}

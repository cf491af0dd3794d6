//! Who may ask: the sockets and their groups, and where metrics are served.

use std::path::PathBuf;

use toml::Spanned;

use super::{listen, required_path};
use crate::config::{Control, Error, error::Text, file};

/// Bytes in the name of a group; Linux's own tools take 32.
const MAX_GROUP_NAME: usize = 256;

/// What stands in the file over the defaults in `control`.
pub(super) fn read(
    file: file::Control,
    text: Text<'_>,
    control: &mut Control,
) -> Result<(), Error> {
    let mut span = None;
    if let Some(path) = file.socket {
        span = Some(path.span());
        control.socket = required_path(path, "control.socket", text)?;
        control.read_socket = Some(Control::read_beside(&control.socket));
    }
    if let Some(path) = file.read_socket {
        span = Some(path.span());
        let path = path.into_inner();
        control.read_socket = (!path.is_empty()).then(|| PathBuf::from(path));
    }
    if let Some(span) = span
        && control.read_socket.as_ref() == Some(&control.socket)
    {
        return Err(text.error(
            span,
            format_args!(
                "control.read_socket: `{}` is control.socket too; write another path, or \"\" for \
                 none",
                control.socket.display()
            ),
        ));
    }
    if let Some(group) = file.read_group {
        control.read_group = read_group(&group, text)?;
    }
    if let Some(address) = file.metrics {
        control.metrics =
            listen(&address, "control.metrics", "127.0.0.1:9464", "no metrics", text)?;
    }
    Ok(())
}

fn read_group(group: &Spanned<String>, text: Text<'_>) -> Result<Option<String>, Error> {
    let name = group.get_ref();
    let is_name = name.len() <= MAX_GROUP_NAME
        && !name.chars().any(|char| char.is_control() || char.is_whitespace() || char == ':');
    if !is_name {
        return Err(text.error(
            group.span(),
            format_args!(
                "control.read_group: {name:?} is no name of a group; write one such as \
                 \"ani-read\", or \"\" for the daemon's own"
            ),
        ));
    }
    Ok((!name.is_empty()).then(|| name.clone()))
}

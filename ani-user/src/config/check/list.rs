//! The named lists, and the modes of lists and limits.

use ani_ebpf::abi::list::{Action, MAX_LISTS};
use toml::Spanned;

use super::{answers, name, required_path};
use crate::config::{Answers, Error, List, error::Text, file};

/// Named lists at most: each has an id of one byte, beside no list and the built-in ones.
const MAX_NAMED: usize = MAX_LISTS - 1 - BUILT_IN.len();

/// The lists that are always there.
const BUILT_IN: [&str; 3] = ["allow", "block", "gray"];

/// What stands where a name does in `ani list`.
const COMMANDS: [&str; 7] = ["add", "rm", "remove", "list", "import", "export", "mode"];

/// All named lists, in file order.
pub(super) fn all(
    lists: Vec<Spanned<file::List>>,
    settings: &Answers,
    text: Text<'_>,
) -> Result<Vec<List>, Error> {
    let mut total: Vec<List> = Vec::new();
    for list in lists {
        let span = list.span();
        if total.len() == MAX_NAMED {
            return Err(text.error(
                span,
                format_args!("list: more than {MAX_NAMED} lists; put the entries of some together"),
            ));
        }
        let list = list.into_inner();
        let name = name::read(list.name, "list.name", span.clone(), text)?;
        let written = name.get_ref();
        if BUILT_IN.contains(&written.as_str()) || COMMANDS.contains(&written.as_str()) {
            return Err(text.error(
                name.span(),
                format_args!(
                    "list.name: `{written}` is a list that is always there, or a word of `ani list`; \
                     choose another"
                ),
            ));
        }
        if total.iter().any(|other| other.name == *written) {
            return Err(text.error(
                name.span(),
                format_args!(
                    "list.name: `{written}` is the name of two lists; name each differently"
                ),
            ));
        }
        let Some(action) = list.action else {
            return Err(text.error(
                span,
                format_args!(
                    "list.action: missing for list `{written}`; write \"allow\", \"block\" or \"gray\""
                ),
            ));
        };
        let action = self::action(&action, text)?;
        if let Some(answer) = list.answer.as_ref().filter(|_| action != Action::Block) {
            return Err(text.error(
                answer.span(),
                format_args!(
                    "list.answer: list `{written}` stops nobody, so nobody is told anything; take it \
                     out, or write action = \"block\""
                ),
            ));
        }
        total.push(List {
            action,
            answer: answers::answer(list.answer, "list.answer", settings, text)?,
            observed: observed(list.mode, "list.mode", text)?,
            file: list.file.map(|file| required_path(file, "list.file", text)).transpose()?,
            name: name.into_inner(),
        });
    }
    Ok(total)
}

fn action(action: &Spanned<String>, text: Text<'_>) -> Result<Action, Error> {
    let written = action.get_ref();
    let known = [Action::Allow, Action::Block, Action::Gray];
    known.into_iter().find(|known| known.as_str() == written).ok_or_else(|| {
        text.error(
            action.span(),
            format_args!(
                "list.action: `{written}` is nothing a list does; write \"allow\", \"block\" or \
                 \"gray\""
            ),
        )
    })
}

/// Whether a mode is to observe, as it is unless the file says otherwise.
pub(super) fn observed(
    mode: Option<Spanned<String>>,
    key: &str,
    text: Text<'_>,
) -> Result<bool, Error> {
    let Some(mode) = mode else { return Ok(true) };
    match mode.get_ref().as_str() {
        "observe" => Ok(true),
        "enforce" => Ok(false),
        written => Err(text.error(
            mode.span(),
            format_args!("{key}: `{written}` is no mode; write \"observe\" or \"enforce\""),
        )),
    }
}

//! The profiles that come with ani, written as an operator writes his own.

use super::{Error, check, error::Text, file};
use crate::identity::Profile;

/// Their text; `ani trunk profiles` prints it.
pub const TEXT: &str = include_str!("profiles.toml");

/// What errors in it are said to be in.
const ORIGIN: &str = "built-in profiles";

/// All of them, in the order of their text; the first is the generic one.
///
/// # Errors
///
/// None: a test reads them.
pub fn built_in() -> Result<Vec<Profile>, Error> {
    let text = Text { origin: ORIGIN, text: TEXT };
    let file: file::File = toml::from_str(TEXT).map_err(|error| text.refused(&error))?;
    let mut profiles = Vec::new();
    check::profile::add(file.profile, text, &mut profiles)?;
    Ok(profiles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{
        Doubt,
        profile::{GENERIC, Outcome, Place, Source},
    };

    #[test]
    fn they_can_be_read_and_the_first_is_generic() {
        let profiles = built_in().expect("profiles");
        assert_eq!(profiles[0], Profile::generic());
        assert_eq!(profiles[0].name, GENERIC);
        let names: Vec<_> = profiles.iter().map(|profile| profile.name.as_str()).collect();
        assert_eq!(
            names,
            ["generic", "3gpp", "bandwidth", "telnyx", "twilio", "oracle", "livevox", "french-man"]
        );
        assert!(profiles.iter().all(|profile| !profile.about.is_empty()));
    }

    fn own(text: &str) -> Result<Profile, String> {
        let text = format!("[[profile]]\nname = 'own'\n{text}\n");
        let file: file::File = toml::from_str(&text).map_err(|error| error.to_string())?;
        let mut known = built_in().expect("profiles");
        let origin = Text { origin: "ani.toml", text: &text };
        check::profile::add(file.profile, origin, &mut known).map_err(|error| error.to_string())?;
        known.pop().ok_or_else(|| "no profile".to_owned())
    }

    #[test]
    fn what_a_profile_does_not_say_stays_as_in_its_base() {
        let base = own("base = 'oracle'").expect("profile");
        let built_in = built_in().expect("profiles");
        let oracle = built_in.iter().find(|profile| profile.name == "oracle").expect("profile");
        assert_eq!((&base.telling, &base.ani), (&oracle.telling, &oracle.ani));
        let changed =
            own("base = 'oracle'\nlevel_parameters = ['X-Level']\norigination_parameters = []\n\
             bypass_headers = ['P-Identity-Bypass']");
        let telling = changed.expect("profile").telling;
        assert_eq!(telling.level_parameters, ["x-level"]);
        assert!(telling.origination_parameters.is_empty());
        assert_eq!(telling.bypass_headers, ["p-identity-bypass"]);
        assert_eq!(telling.tokens, oracle.telling.tokens);
    }

    #[test]
    fn the_documentation_names_every_profile_key_and_word() {
        let documentation = include_str!("../../../docs/profiles.md");
        let text: toml::Table = toml::from_str(TEXT).expect("TOML");
        let profiles = text["profile"].as_array().expect("profiles");
        let keys = profiles.iter().flat_map(|one| one.as_table().expect("profile").keys());
        let mut words: Vec<_> = keys.map(String::as_str).collect();
        words.extend(profiles.iter().filter_map(|one| one["name"].as_str()));
        words.extend(Doubt::ALL.map(Doubt::as_str));
        words.extend(Outcome::ALL.map(Outcome::as_str));
        words.extend(Place::ALL.map(Place::as_str));
        words.extend(Source::ALL.map(Source::as_str));
        for word in words {
            assert!(documentation.contains(&format!("`{word}`")), "{word}");
        }
    }

    #[test]
    fn words_that_are_none_are_refused_with_the_remedy() {
        for (text, expected) in [
            (
                "level_parameters = ['a b']",
                "ani.toml:3: profile.level_parameters: `a b` is no name of a parameter; write one \
                 such as attest, at most 64 letters",
            ),
            (
                "bypass_headers = ['']",
                "ani.toml:3: profile.bypass_headers: `` is no name of a header; write one such as \
                 X-Verstat, at most 64 letters",
            ),
            (
                "tokens = { Bad = 'failed A' }",
                "ani.toml:3: profile.tokens: `failed A` is no meaning; write one of passed, failed, \
                 none, unknown, and A, B or C behind passed where the token says so",
            ),
        ] {
            assert_eq!(own(text).expect_err("refused"), expected);
        }
    }
}

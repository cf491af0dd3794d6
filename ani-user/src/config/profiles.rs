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
    use crate::identity::profile::GENERIC;

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
}

//! Parsing alone: what is understood, what is refused, and that help is there.

use clap::error::ErrorKind;

use super::*;

fn refused(line: &str) -> ErrorKind {
    Cli::try_parse_from(line.split(' ')).expect_err(line).kind()
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn globals_stand_anywhere() {
    for line in ["ani --json --socket /s status", "ani status --json --socket /s"] {
        let cli = Cli::try_parse_from(line.split(' ')).expect(line);
        assert!(cli.globals.json);
        assert_eq!(cli.globals.socket_path(), Path::new("/s"));
    }
    let cli = Cli::try_parse_from(["ani", "status"]).expect("status");
    assert_eq!(cli.globals.socket_path(), Path::new("/run/ani/ani.sock"));
}

#[test]
fn what_is_wrong_is_refused_while_parsing() {
    for (line, kind) in [
        ("ani", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("ani stauts", ErrorKind::InvalidSubcommand),
        ("ani block add", ErrorKind::MissingRequiredArgument),
        ("ani block add +14155551234 --ttl soon", ErrorKind::ValueValidation),
        ("ani block add +14155551234 --ttl 0s", ErrorKind::ValueValidation),
        ("ani top callers -n 0", ErrorKind::ValueValidation),
        ("ani limit set", ErrorKind::MissingRequiredArgument),
        ("ani check-config x.toml --sample", ErrorKind::ArgumentConflict),
        ("ani completions tcsh", ErrorKind::InvalidValue),
    ] {
        assert_eq!(refused(line), kind, "{line}");
    }
}

#[test]
fn every_command_and_argument_has_help() {
    fn check(command: &clap::Command, path: &str) {
        let path = format!("{path} {}", command.get_name());
        assert!(command.get_about().is_some(), "{path}");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{path} {}", argument.get_id());
        }
        command.get_subcommands().for_each(|command| check(command, &path));
    }
    check(&Cli::command(), "");
}

//! `ani`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ani_user::cli::main()
}

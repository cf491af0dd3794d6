//! `cargo xtask`: builds, tests, shows and measures ani.

/// Measures it.
mod bench;
/// Builds it.
mod build;
/// Does the worst to it while calls go on.
mod chaos;
/// Holds it against what others read.
mod conformance;
/// Shows it at work on real calls.
mod demo;
/// Feeds it bytes of all kinds.
mod fuzz;
/// Looks into the compiled XDP object.
mod object_check;
/// Installs what the others need.
mod setup;
/// Tests it.
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Builds, tests, shows and measures ani"
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what a build needs: the rust-src component, and bpf-linker into target/tools
    Setup(setup::Options),
    /// Build target/release/ani
    Build,
    /// Place real calls through ani and a kamailio, and check what became of each (root)
    Demo(demo::Options),
    /// Run all tests; without root those that need none
    Test,
    /// Measure, as ratios in one run
    Bench(bench::Options),
    /// Do the worst to the daemon while calls go on, and print what became of them (root)
    Chaos(chaos::Options),
    /// Compare the replay of other projects' captures with what tshark reads of them
    Conformance(conformance::Options),
    /// Feed what reads strangers' traffic with bytes of all kinds
    Fuzz(fuzz::Options),
    /// Check that the compiled XDP object cannot panic
    ObjectCheck,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Setup(options) => setup::run(&options),
        Task::Build => build::run(),
        Task::Demo(options) => demo::run(&options),
        Task::Test => test::run(),
        Task::Bench(options) => bench::run(&options),
        Task::Chaos(options) => chaos::run(&options),
        Task::Conformance(options) => conformance::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::ObjectCheck => object_check::run(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

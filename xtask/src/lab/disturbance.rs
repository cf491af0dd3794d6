//! What became of calls while something was done to the daemon: a row of the table that `cargo xtask
//! chaos` prints and the tests of that name fill.

use std::{fmt, fs::File, io::Write as _, str::FromStr, time::Duration};

use anyhow::{Context as _, anyhow};

/// Names the honest calls placed each second.
pub const RATE: &str = "ANI_CHAOS_RATE";
/// Names the seconds for which they are placed, in each row.
pub const SECONDS: &str = "ANI_CHAOS_SECONDS";
/// Names the file that rows are appended to.
pub const TABLE: &str = "ANI_CHAOS_TABLE";

/// A number that the environment says, or the one it is else.
///
/// # Errors
///
/// When what it says is no such number.
pub fn number<T: FromStr>(name: &str, usual: T) -> anyhow::Result<T> {
    let Ok(text) = std::env::var(name) else { return Ok(usual) };
    text.parse().map_err(|_| anyhow!("{name}={text}: write a number, or unset it"))
}

/// What was done, and what became of the calls.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was done.
    pub what: &'static str,
    /// How often.
    pub times: u32,
    /// How long calls were placed.
    pub took: Duration,
    /// Honest calls placed each second, as sipp reached it.
    pub per_second: u64,
    /// Honest calls, and how many of them completed.
    pub honest: [u64; 2],
    /// Requests of honest calls that were sent again.
    pub again: u64,
    /// INVITEs of a blocked caller that were sent, and how many reached the SBC.
    pub plain: [u64; 2],
    /// The same in a form that only the daemon can decide.
    pub not_plain: [u64; 2],
    /// What the counters say of it.
    pub counted: String,
}

impl Row {
    /// What stands over the columns.
    pub const HEAD: &str = "                                    honest calls                       \
                            blocked INVITEs: sent/at the SBC\n\
                            disturbance         times seconds     /s  placed completed   again      \
                            plain  not plain  counted";

    /// Shows it, and appends it to the table where there is one.
    ///
    /// # Errors
    ///
    /// When the table cannot be written.
    pub fn tell(&self) -> anyhow::Result<()> {
        println!("\n{}\n{self}", Self::HEAD);
        let Some(path) = std::env::var_os(TABLE) else { return Ok(()) };
        let file = File::options().create(true).append(true).open(&path);
        file.and_then(|mut file| writeln!(file, "{self}"))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |[sent, come]: [u64; 2]| format!("{sent}/{come}");
        let [placed, completed] = self.honest;
        write!(
            f,
            "{:<19} {:>5} {:>7} {:>6} {placed:>7} {completed:>9} {:>7} {:>10} {:>10}  {}",
            self.what,
            self.times,
            self.took.as_secs(),
            self.per_second,
            self.again,
            of(self.plain),
            of(self.not_plain),
            self.counted,
        )
    }
}

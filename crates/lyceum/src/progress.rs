//! Progress bars for long work: on terminals only, to standard error.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// A bar over bytes, with a name.
pub(crate) fn bytes(name: &str, total: u64) -> ProgressBar {
    let bar = if crate::output::interactive() { ProgressBar::new(total) } else { ProgressBar::hidden() };
    if let Ok(style) =
        ProgressStyle::with_template(" {msg}  {bar:20.cyan}  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left")
    {
        bar.set_style(style);
    }
    bar.set_message(name.to_owned());
    bar
}

/// A bar over steps, with a name.
pub(crate) fn steps(name: &str, total: u64) -> ProgressBar {
    let bar = if crate::output::interactive() { ProgressBar::new(total) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template(" {msg}  {bar:20.cyan}  {pos} of {len}  {eta} left") {
        bar.set_style(style);
    }
    bar.set_message(name.to_owned());
    bar
}

/// A spinner for work whose length isn't known.
pub(crate) fn spinner(name: &str) -> ProgressBar {
    let bar = if crate::output::interactive() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.enable_steady_tick(Duration::from_millis(120));
    bar.set_message(name.to_owned());
    bar
}

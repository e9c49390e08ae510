//! What this process has used: CPU time and peak resident memory, from `/proc`. `None` on other systems.

use std::fs;

/// Seconds of CPU time, all threads, in steps of a hundredth.
pub(crate) fn cpu_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = text.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<f64>().ok()?, fields.next()?.parse::<f64>().ok()?);
    Some((user + system) / 100.0)
}

/// Forgets the peak so far.
pub(crate) fn reset_peak() {
    // Where this isn't allowed, the peak is of the whole process.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Largest resident memory since the last reset, in bytes.
pub(crate) fn peak_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|l| l.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

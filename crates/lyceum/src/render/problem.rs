//! A problem document as people read it: `error[E2107]: …`, the place in their own text, why, and the way out.

use lyceum_schema::wire::Problem;
use std::fmt;

/// Writes a problem; `sql` is the text that its line and column refer to.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, problem: &Problem, sql: Option<&str>) -> fmt::Result {
    write!(f, "error[{}]: {}", problem.code, problem.detail)?;
    if let (Some(line), Some(sql)) = (problem.line, sql)
        && let Some(text) = sql.lines().nth(line.saturating_sub(1) as usize)
    {
        let label = format!("   line {line}   ");
        write!(f, "\n{label}{text}")?;
        if let Some(column) = problem.column {
            let before: usize = text.chars().take(column.saturating_sub(1) as usize).map(|_| 1).sum();
            let width =
                problem.snippet.as_deref().map_or(1, |s| s.lines().next().map_or(1, |l| l.chars().count())).max(1);
            write!(f, "\n{}{}", " ".repeat(label.chars().count() + before), "^".repeat(width))?;
        }
    }
    for finding in &problem.findings {
        write!(f, "\n - {finding}")?;
    }
    if let Some(reason) = &problem.reason {
        write!(f, "\n {reason}")?;
    }
    if let Some(fix) = &problem.fix {
        let mut lines = fix.lines();
        write!(f, "\n try      {}", lines.next().unwrap_or_default())?;
        for line in lines {
            write!(f, "\n          {line}")?;
        }
    }
    if let Some(seconds) = problem.retry_after_seconds {
        write!(f, "\n again    in {seconds} s")?;
    }
    match problem.charged {
        Some(false) => write!(f, "\n nothing was charged")?,
        Some(true) => write!(f, "\n the charge stands: what a failed question costs must not depend on the data")?,
        None => {}
    }
    if problem.status >= 500
        && let Some(request) = &problem.request
    {
        write!(f, "\n request  {request} (the operator's log has the rest)")?;
    }
    Ok(())
}

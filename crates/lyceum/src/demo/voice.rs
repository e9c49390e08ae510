//! How the story is told: headings, sentences, what is typed, what comes back.

use crate::output::line;

/// A new act.
pub(super) fn act(title: &str) {
    line("");
    line(&format!("── {title} {}", "─".repeat(76_usize.saturating_sub(title.chars().count()))));
}

/// A sentence of the narrator.
pub(super) fn say(text: &str) {
    line(&format!("   {text}"));
}

/// What somebody would type.
pub(super) fn types(command: &str) {
    line("");
    for (i, text) in command.lines().enumerate() {
        line(&format!("{}{text}", if i == 0 { " $ " } else { "   " }));
    }
}

/// What the program answers.
pub(super) fn shows(text: &str) {
    for text in text.lines() {
        line(&format!("   {text}"));
    }
}

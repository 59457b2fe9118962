//! A mistake in a configuration file: where it stands, what is wrong, and what to write instead.
//!
//! Reading a configuration collects problems instead of stopping at the first, so that an administrator
//! corrects a file once and not once per mistake.

use annotate_snippets::renderer::{DecorStyle, Renderer};
use annotate_snippets::{AnnotationKind, Level, Snippet};
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// The text of a configuration file, shared by the problems found in it.
#[derive(Debug, Clone)]
pub(crate) struct SourceText {
    /// The file, as the person named it.
    pub(crate) file: PathBuf,
    /// What it holds.
    pub(crate) text: Arc<str>,
}

impl SourceText {
    /// The line of a place, from 1.
    pub(crate) fn line(&self, place: usize) -> usize {
        let before = &self.text.as_bytes()[..place.min(self.text.len())];
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }
}

/// One mistake.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    source: SourceText,
    span: Option<Range<usize>>,
    /// What is wrong, in a sentence.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

impl Problem {
    /// A problem at a place of a file.
    pub(crate) fn at(source: &SourceText, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { source: source.clone(), span: Some(span), message: message.into(), help: None }
    }

    /// A problem of a file as a whole.
    pub(crate) fn of_file(source: &SourceText, message: impl Into<String>) -> Self {
        Self { source: source.clone(), span: None, message: message.into(), help: None }
    }

    /// Adds the remedy.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Shows this text in place of the file's own, which has the same lines.
    pub(super) fn show_instead(&mut self, text: &Arc<str>) {
        self.source.text = Arc::clone(text);
    }

    /// The line on which the problem begins, from 1.
    pub(crate) fn line(&self) -> Option<usize> {
        Some(self.source.line(self.span.as_ref()?.start))
    }

    /// The file it stands in.
    pub(crate) fn file(&self) -> String {
        self.source.file.display().to_string()
    }

    fn render(&self, renderer: &Renderer) -> String {
        let file = self.source.file.display().to_string();
        let title = Level::ERROR.primary_title(&self.message);
        let group = match &self.span {
            Some(span) => {
                let end = span.end.min(self.source.text.len()).max(span.start);
                title.element(
                    Snippet::source(&*self.source.text)
                        .path(&file)
                        .annotation(AnnotationKind::Primary.span(span.start.min(end)..end)),
                )
            }
            None => title.element(annotate_snippets::Origin::path(&file)),
        };
        let group = match &self.help {
            Some(help) => group.element(Level::HELP.message(help)),
            None => group,
        };
        renderer.render(&[group])
    }
}

/// Everything wrong with a configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let renderer = Renderer::plain().decor_style(DecorStyle::Ascii);
        for problem in &self.0 {
            writeln!(f, "{}\n", problem.render(&renderer))?;
        }
        match self.0.len() {
            1 => write!(f, "1 problem in the configuration"),
            count => write!(f, "{count} problems in the configuration"),
        }
    }
}

impl std::error::Error for Problems {}

//! From a start line to the empty line, and what Content-Length says on the way.

use super::is_start;
use crate::sip::{self, Headers, Name};

/// The header walk. It resumes where it stopped: no byte is looked at twice, however small the
/// segments are.
pub(super) struct Head {
    /// Whether the start line stood where it had to. One that was looked for gives way to another
    /// among its headers, which no header line can be.
    sure: bool,
    /// Start of the line being read.
    line: usize,
    /// Bytes known to hold no end of it.
    seen: usize,
    /// Where a Content-Length started, until it is known that no fold follows.
    length_at: Option<usize>,
    length: Length,
}

/// What ends the header walk.
pub(super) enum Line {
    /// A start line that starts here.
    Start(usize),
    /// The empty line: so many bytes with it.
    End { len: usize, body: Length },
    /// Nothing yet.
    Open,
}

/// What Content-Length says.
#[derive(Clone, Copy)]
pub(super) enum Length {
    Absent,
    Is(u32),
    /// No number, or several.
    Bad,
}

impl Head {
    /// Before the start line.
    pub(super) fn new(sure: bool) -> Self {
        Self { sure, line: 0, seen: 0, length_at: None, length: Length::Absent }
    }

    /// Reads on in `text`, which starts where the start line does.
    pub(super) fn read(&mut self, text: &[u8]) -> Line {
        while let Some(at) = memchr::memchr(b'\n', text.get(self.seen..).unwrap_or_default()) {
            let (start, end) = (self.line, self.seen + at);
            let line = text.get(start..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            (self.line, self.seen) = (end + 1, end + 1);
            if start == 0 || matches!(line.first(), Some(b' ' | b'\t')) {
                continue;
            }
            if let Some(header) = self.length_at.take().and_then(|from| text.get(from..start)) {
                self.length.take(header);
            }
            if line.is_empty() {
                return Line::End { len: end + 1, body: self.length };
            }
            if may_be_length(line) {
                self.length_at = Some(start);
            } else if !self.sure && is_start(text.get(start..=end).unwrap_or_default()) {
                return Line::Start(start);
            }
        }
        self.seen = text.len();
        Line::Open
    }
}

impl Length {
    /// Takes note of a header.
    fn take(&mut self, header: &[u8]) {
        let header = Headers::new(header, false).next();
        let Some(header) = header.filter(|header| header.name == Name::ContentLength) else {
            return;
        };
        *self = match (*self, sip::number(sip::trim(header.value))) {
            (Self::Absent, Some(length)) => Self::Is(length),
            (Self::Is(before), Some(length)) if before == length => Self::Is(length),
            _ => Self::Bad,
        };
    }

    /// Bytes of the body.
    pub(super) fn value(self) -> usize {
        match self {
            Self::Is(length) => usize::try_from(length).unwrap_or(usize::MAX),
            Self::Absent | Self::Bad => 0,
        }
    }
}

/// A quick look, before the name is read.
fn may_be_length(line: &[u8]) -> bool {
    match line {
        [b'l' | b'L'] | [b'l' | b'L', b' ' | b'\t' | b':', ..] => true,
        [b'c' | b'C', ..] => {
            line.get(..9).is_some_and(|start| start.eq_ignore_ascii_case(b"content-l"))
        }
        _ => false,
    }
}

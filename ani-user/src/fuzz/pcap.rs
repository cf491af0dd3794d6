//! Capture files, with whatever frames are in them.

use std::{
    io::Cursor,
    ops::ControlFlow,
    sync::{Arc, LazyLock},
};

use memchr::memmem;

use crate::{
    capture::{
        Content, Source as _,
        assembly::{Assembly, MAX_BYTES},
        file::CaptureFile,
    },
    config::{Config, Lists},
    invite::Invite,
    pipeline::Pipeline,
    policy::memory::Memory,
};

/// That of a replay, made once and with fewer places for limits: 30 ms for each run otherwise.
static CONFIG: LazyLock<Arc<Config>> = LazyLock::new(|| {
    let config = Config::one_trunk();
    let lists = Lists { max_limited: 1_000, ..config.lists };
    Arc::new(Config { lists, ..config })
});

/// Reads a file as a replay does: its frames are parts of it, no byte of a message comes from
/// elsewhere or twice, and each line that is written is JSON.
pub fn pcap(data: &[u8]) {
    let Ok(mut file) = CaptureFile::new(Cursor::new(data.to_vec())) else { return };
    let rules = Arc::new(Memory::new(&CONFIG));
    let mut pipeline = Pipeline::new(Arc::clone(&CONFIG), rules, Arc::default());
    let mut assembly = Assembly::new(Arc::default());
    let (mut number, mut captured) = (0, 0);
    let mut bytes = Bytes::default();
    // Why the file ends does not matter.
    let _ = file.frames(&mut |frame| {
        assert!(frame.number > number, "record {} after {number}", frame.number);
        number = frame.number;
        if let Content::Link { bytes: there, .. } = frame.content {
            assert!(memmem::find(data, there).is_some(), "a frame that is not in the file");
            captured += there.len();
            bytes.came(there);
        }
        assembly.frame(frame, &|address| address.is_ipv4(), &mut |message| {
            bytes.went(message.bytes);
        });
        assert!(assembly.memory().bytes <= MAX_BYTES);
        pipeline.frame(frame, &mut check);
        ControlFlow::Continue(())
    });
    assert!(captured <= data.len(), "records overlap");
    assembly.finish(&mut |message| bytes.went(message.bytes));
    assert_eq!(assembly.memory().entries, 0);
    pipeline.finish(&mut check);
}

/// The line that is written is what serde makes of the same.
fn check(invite: Invite<'_>) {
    let mut line = Vec::new();
    invite.write_json(&mut line);
    assert_eq!(serde_json::to_vec(&invite).ok().as_deref(), Some(line.as_slice()));
}

/// How many bytes of each value came in frames and have not gone out in messages.
struct Bytes([usize; 256]);

impl Default for Bytes {
    fn default() -> Self {
        Self([0; 256])
    }
}

impl Bytes {
    fn came(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0[usize::from(*byte)] += 1;
        }
    }

    fn went(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let left = &mut self.0[usize::from(*byte)];
            assert!(*left > 0, "more bytes {byte:#04x} go out than came in");
            *left -= 1;
        }
    }
}

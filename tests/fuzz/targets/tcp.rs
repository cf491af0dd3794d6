//! Segments of TCP flows: see `ani_user::fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    ani_user::fuzz::tcp(data);
});

//! PASSporTs: see `ani_user::fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    _ = ani_user::fuzz::passport(data);
});

//! Certificates, their chains, anchors and revocation lists: see `ani_user::fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    _ = ani_user::fuzz::certificate(data);
});

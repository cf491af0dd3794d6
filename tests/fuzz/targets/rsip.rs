//! SIP messages: see `ani_user::fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    ani_user::fuzz::rsip(data);
});

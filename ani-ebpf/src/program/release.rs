//! Released frames that come by again: a generic program sees what goes into the stack, and would hold
//! them for ever. The daemon puts a ticket into those, which is taken out here.

use ani_ebpf::abi::settings::{RELEASED, TICKET_LEN};

use super::{
    frame::{Frame, Unwritable},
    maps,
};

/// Two hardware addresses.
const ADDRESSES_LEN: usize = 12;

/// Whether a frame with an unknown ethertype is a released one; it is as it was before then.
#[inline(always)]
pub(super) fn is_released(frame: &Frame<'_>) -> bool {
    let Some(start) = frame.read::<{ ADDRESSES_LEN + TICKET_LEN }>(0) else {
        return false;
    };
    let [addresses @ .., kind0, kind1, t0, t1, t2, t3, t4, t5, t6, t7] = *start;
    let ticket = u64::from_ne_bytes([t0, t1, t2, t3, t4, t5, t6, t7]);
    if u16::from_be_bytes([kind0, kind1]) != RELEASED || ticket == 0 {
        return false;
    }
    if maps::settings().is_none_or(|settings| settings.ticket != ticket) {
        return false;
    }
    match frame.shorten(TICKET_LEN as i32).and_then(|()| frame.write(0, &addresses)) {
        Ok(()) => true,
        Err(Unwritable) => false,
    }
}

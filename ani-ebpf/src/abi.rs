//! Every word that crosses between the XDP program and the daemon.
//!
//! All types are `repr(C)` without padding, enums or `Option`: each side reads raw integers and
//! turns them into meaning with a checked conversion. Integers are in host byte order (both sides
//! run on one machine); addresses are in network order, as they came off the wire.

/// The table of call attempts that were decided.
pub mod attempt;
/// Which way each packet took through the program, and what was lost.
pub mod counter;
/// What the program remembers of a packet that comes in fragments.
pub mod fragment;
/// The table of rate limit buckets, and the limits.
pub mod limit;
/// Lists of callers.
pub mod list;
/// A telephone number as the kernel compares it.
pub mod number;
/// The programs that others go on to.
pub mod programs;
/// One captured packet in the ring buffer.
pub mod record;
/// What the daemon asks of a call that was held.
pub mod settle;
/// What the daemon tells the program at load and on reload.
pub mod settings;
/// A trunk: where it sends from and how its callers are read.
pub mod trunk;

/// Compared when the daemon loads the object; raised with any change to a type in this module.
pub const ABI_VERSION: u32 = 7;

/// ELF section of the object that holds [`ABI_VERSION`], four bytes in host order.
pub const ABI_SECTION: &str = "ani_abi";

#[cfg(feature = "user")]
mod pod {
    #![expect(unsafe_code, reason = "aya::Pod must be implemented where the type is defined")]

    macro_rules! pod {
        ($($type:ty),+ $(,)?) => {$(
            // SAFETY: repr(C), `Copy`, only integers and arrays of integers, and no padding (its
            // size is asserted beside the type), so any bytes are a valid value.
            unsafe impl aya::Pod for $type {}
        )+};
    }

    pod!(
        super::attempt::AttemptSet,
        super::counter::Counters,
        super::limit::BucketSet,
        super::number::Number,
        super::settings::Settings,
        super::trunk::Trunk,
    );
}

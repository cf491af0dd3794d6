//! Calls that are held on a tagged wire.

use ani_tests::live::tagged::{self, Tagged};
use xtask::lab::{
    CARRIER_INTERFACE, Lab, SBC_INTERFACE,
    daemon::Settings,
    uac::{Callers, Plan, Route},
};

use crate::{
    hold::{BLOCKED, HONEST, TWICE, adds_up, complete, rig, stopped, tally},
    rig::{Rig, impatient},
};

const TAG: u16 = 100;

/// Where the tags of a wire are when XDP sees its frames.
#[derive(Clone, Copy)]
enum Tags {
    /// In the frame: a network card with `rxvlan` off.
    Bytes,
    /// Beside it, out of XDP's sight: one with `rxvlan` on.
    Descriptor,
}

/// Tags the wire at both ends, until it is dropped; nothing untagged gets through.
fn tag(lab: &Lab, tags: Tags) -> [Tagged; 2] {
    [(&lab.carrier, CARRIER_INTERFACE), (&lab.sbc, SBC_INTERFACE)].map(|(namespace, interface)| {
        let begin = || {
            tagged::set_offload(interface, matches!(tags, Tags::Descriptor))?;
            Tagged::new(interface, TAG)
        };
        namespace.enter(begin).expect("a tagged wire")
    })
}

#[test]
fn a_thousand_of_a_thousand_held_calls_complete_with_their_tags() {
    let rig = rig("native");
    let _tags = tag(&rig.lab, Tags::Bytes);
    for route in [Route::V4, Route::V6] {
        complete(&rig, route, 0);
    }
    complete(&rig, Route::V4, 1_600);
}

#[test]
fn and_behind_a_generic_program() {
    let rig = rig("generic");
    let _tags = tag(&rig.lab, Tags::Bytes);
    for route in [Route::V4, Route::V6] {
        complete(&rig, route, 0);
    }
}

#[test]
fn a_tag_is_no_way_around_a_list() {
    let rig = rig("native");
    let _tags = tag(&rig.lab, Tags::Bytes);
    rig.assert_stopped(BLOCKED);
    for route in [Route::V4, Route::V6] {
        stopped(&rig, &impatient(BLOCKED, 3).over(route).with(TWICE));
    }
    adds_up(&rig);
    assert!(tally(&rig, "held_stopped") > 6, "retransmissions too");
    rig.assert_reachable(HONEST);
}

/// What a held call costs where the tag does not stand in the frame: it is released without.
#[test]
fn a_tag_that_was_stripped_is_lost_with_what_is_held() {
    let rig = Rig::start(&Settings::default());
    let _tags = tag(&rig.lab, Tags::Descriptor);
    // Nothing is held while nothing could be against a call, and what passes keeps its tag.
    let plan = Plan::new(Callers::one(HONEST), 5, 10).with(TWICE);
    let outcome = rig.call(&plan);
    assert!(outcome.all_completed(5), "{outcome:?}");
    let before = rig.received(HONEST);

    rig.daemon.cli(&["block", "add", BLOCKED]).expect("block add");
    let outcome = rig.call(&impatient(HONEST, 5).with(TWICE));
    assert_eq!((outcome.placed, outcome.completed), (5, 0), "{outcome:?}");
    assert_eq!(rig.received(HONEST), before, "{outcome:?}");
    adds_up(&rig);
    assert!(tally(&rig, "held_released") >= 5, "{outcome:?}");
    // Those that are plain are not held.
    rig.assert_reachable(HONEST);
}

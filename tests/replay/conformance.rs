//! The replay against what tshark reads.

use ani_tests::{conformance, data};

#[test]
fn every_row_agrees_or_is_a_known_difference() {
    let Some(folder) = data::folder() else { return };
    let sets = conformance::sets(&folder).expect("captures are read");
    let failures: Vec<_> = sets.iter().flat_map(|set| &set.failures).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

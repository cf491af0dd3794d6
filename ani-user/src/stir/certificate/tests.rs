//! Certificates of an authority of the tests' own, right and wrong ones: each ends in its own word.

use serde_json::json;

use super::*;
use crate::stir::authority::{Authority, Leaf, NOW};

#[test]
fn a_good_one() {
    let root = Authority::root("Root");
    let signer = root.below("Issuing").issue(Leaf::spc("709J"));
    let trust = Trust::from_pem(root.pem().as_bytes(), b"");
    let credential = Credential::read(signer.chain().as_bytes(), &trust).expect("a credential");
    assert_eq!(credential.check(NOW), Ok(()), "{:?}", credential.facts());
    assert_eq!(&**credential.signer(), "709J");
    assert!(credential.covers("12155550100") && credential.has_spc());
    assert!(!credential.has_constraints());
    assert!(credential.permits(json!({"iat": NOW}).as_object().expect("an object")));
    let signature = signer.sign(b"signed");
    assert!(credential.verify(b"signed", &signature));
    assert!(!credential.verify(b"Signed", &signature));
}

//! Certificates of an authority of the tests' own, right and wrong ones: each ends in its own word.

use std::{env, fs, path::PathBuf};

use rcgen::{DistinguishedName, ExtendedKeyUsagePurpose, GeneralSubtree, KeyUsagePurpose};
use serde_json::json;

use super::*;
use crate::stir::{
    authority::{Authority, FROM, Key, Leaf, NOW, Rank, Signer, TO},
    constraints::Permitted,
    tn_auth_list::Entry,
};

fn spc(code: &str) -> Entry {
    Entry::Spc(code.to_owned())
}

fn range(start: &str, count: u64) -> Entry {
    Entry::Range { start: start.to_owned(), count }
}

fn trust(roots: &[&Authority]) -> Trust {
    let roots: String = roots.iter().map(|root| root.pem()).collect();
    Trust::from_pem(roots.as_bytes(), b"")
}

fn read(pem: &str, trust: &Trust) -> Credential {
    Credential::read(pem.as_bytes(), trust).expect("a credential")
}

/// What comes of a leaf that the authority below a root issued.
fn outcome(leaf: Leaf) -> Result<(), Outcome> {
    let root = Authority::root("Root");
    let signer = root.below("Issuing").issue(leaf);
    read(&signer.chain(), &trust(&[&root])).check(NOW)
}

/// The same where the authority in between is another one.
fn below(rank: Rank, leaf: Leaf) -> Result<(), Outcome> {
    let root = Authority::root("Root");
    let signer = root.below_with("Issuing", rank).issue(leaf);
    read(&signer.chain(), &trust(&[&root])).check(NOW)
}

#[test]
fn a_good_one() {
    let root = Authority::root("Root");
    let signer = root.below("Issuing").issue(Leaf::spc("709J"));
    let credential = read(&signer.chain(), &trust(&[&root]));
    assert_eq!(credential.check(NOW), Ok(()), "{:?}", credential.facts());
    assert_eq!(&**credential.signer(), "709J");
    assert!(credential.covers("12155550100") && credential.has_spc());
    assert!(!credential.has_constraints());
    assert!(credential.permits(json!({"iat": NOW}).as_object().expect("an object")));

    let signature = signer.sign(b"signed");
    assert!(credential.verify(b"signed", &signature));
    assert!(!credential.verify(b"Signed", &signature));
    assert!(!credential.verify(b"signed", &[0; 64]));

    let facts = serde_json::to_value(credential.facts()).expect("JSON");
    assert_eq!(facts["chain"][0]["subject"], "CN=SHAKEN 709J,O=Test,C=US");
    assert_eq!(facts["chain"][0]["issuer"], "CN=Issuing,O=Test,C=US");
    assert_eq!(facts["chain"][0]["serial"], "5350");
    assert_eq!(facts["chain"][0]["key"], "P-256");
    assert_eq!(facts["chain"][0]["not_before"], "2024-01-01T00:00:00.000000Z");
    assert_eq!(facts["chain"][1]["authority"], true);
    assert_eq!(facts["numbers"], json!([{"spc": "709J"}]));
    assert_eq!(facts["valid"], json!([{"from": FROM, "to": TO}]));
    assert_eq!(facts["defects"], json!([]));
}

#[test]
fn validity_is_that_of_the_whole_chain_to_the_second() {
    let root = Authority::root("Root");
    let issuing =
        root.below_with("Issuing", Rank { valid: (NOW - 100, NOW + 50), ..Rank::default() });
    let leaf = Leaf { valid: (NOW - 50, NOW + 100), ..Leaf::spc("709J") };
    let credential = read(&issuing.issue(leaf).chain(), &trust(&[&root]));
    for (time, expected) in [
        (i64::MIN, Err(Outcome::CertificateNotYetValid)),
        (NOW - 51, Err(Outcome::CertificateNotYetValid)),
        (NOW - 50, Ok(())),
        (NOW + 50, Ok(())),
        (NOW + 51, Err(Outcome::CertificateExpired)),
        (i64::MAX, Err(Outcome::CertificateExpired)),
    ] {
        assert_eq!(credential.check(time), expected, "{time}");
    }

    let expired = Leaf { valid: (FROM, NOW - 1), ..Leaf::spc("709J") };
    assert_eq!(outcome(expired), Err(Outcome::CertificateExpired));
    let early = Leaf { valid: (NOW + 1, TO), ..Leaf::spc("709J") };
    assert_eq!(outcome(early), Err(Outcome::CertificateNotYetValid));
    let never = Leaf { valid: (TO, FROM), ..Leaf::spc("709J") };
    assert_eq!(outcome(never), Err(Outcome::CertificateUnfit));
    for (valid, expected) in [
        ((FROM, NOW - 1), Outcome::CertificateExpired),
        ((NOW + 1, TO), Outcome::CertificateNotYetValid),
    ] {
        // Never both at once, too.
        for leaf in [(FROM, TO), (NOW, NOW)] {
            let leaf = Leaf { valid: leaf, ..Leaf::spc("709J") };
            assert_eq!(below(Rank { valid, ..Rank::default() }, leaf), Err(expected));
        }
    }
}

#[test]
fn each_path_has_its_time() {
    let [old, new] = ["Old", "New"].map(Authority::root);
    let issuing = Authority::root("Issuing");
    let rank = |from, to| Rank { valid: (from, to), ..Rank::default() };
    let signer = issuing.issue(Leaf::spc("709J"));
    let served = [
        signer.pem(),
        new.vouch(&issuing, "Issuing", &rank(NOW + 100, NOW + 200)),
        old.vouch(&issuing, "Issuing", &rank(NOW - 100, NOW)),
    ]
    .concat();
    let times = |trust: &Trust| {
        let credential = read(&served, trust);
        [-101, -100, 0, 1, 100, 200, 201].map(|time| credential.check(NOW + time))
    };
    let (early, late) = (Err(Outcome::CertificateNotYetValid), Err(Outcome::CertificateExpired));
    let ok = Ok(());
    assert_eq!(times(&trust(&[&old, &new])), [early, ok, ok, late, ok, ok, late]);
    assert_eq!(times(&trust(&[&old])), [early, ok, ok, late, late, late, late]);
    assert_eq!(times(&trust(&[&new])), [early, early, early, early, ok, ok, late]);
}

#[test]
fn the_key_is_one_of_es256() {
    for key in [Key::P384, Key::Rsa, Key::Ed25519] {
        assert_eq!(outcome(Leaf { key, ..Leaf::spc("1") }), Err(Outcome::CertificateKey));
        // An authority may have any.
        assert_eq!(below(Rank { key, ..Rank::default() }, Leaf::spc("1")), Ok(()), "{key:?}");
    }
}

#[test]
fn a_list_of_numbers_must_be_there_and_readable() {
    assert_eq!(outcome(Leaf::numbers(&[])), Err(Outcome::TnAuthListMissing));
    let oid: Vec<u64> = tn_auth_list::OID.arcs().map(u64::from).collect();
    let value = || TnAuthList::write(&[spc("1")]).expect("DER");
    let with = |values: Vec<Vec<u8>>| Leaf {
        extensions: values.into_iter().map(|value| (oid.clone(), false, value)).collect(),
        ..Leaf::numbers(&[])
    };
    assert_eq!(outcome(with(vec![value()])), Ok(()));
    assert_eq!(outcome(with(vec![b"n/a".to_vec()])), Err(Outcome::TnAuthListMalformed));
    assert_eq!(outcome(with(vec![value(), value()])), Err(Outcome::TnAuthListMalformed));
}

#[test]
fn who_signs_and_for_which_numbers() {
    let root = Authority::root("Root");
    let trust = trust(&[&root]);
    let credential = |leaf: Leaf| read(&root.issue(leaf).chain(), &trust);

    // Some authorities issue them with two; ATIS-1000080 has one, RFC 8226 any number.
    let two = credential(Leaf::numbers(&[spc("622K"), spc("633K")]));
    assert_eq!((two.check(NOW), &**two.signer()), (Ok(()), "622K"));
    assert_eq!(two.facts().numbers, [spc("622K"), spc("633K")]);

    let some = credential(Leaf::numbers(&[
        range("12155550100", 100),
        Entry::One("12155550300".to_owned()),
    ]));
    assert_eq!((some.check(NOW), &**some.signer(), some.has_spc()), (Ok(()), "SHAKEN", false));
    for (tn, covered) in [
        ("12155550100", true),
        ("+12155550199", true),
        ("12155550200", false),
        ("12155550300", true),
    ] {
        assert_eq!(some.covers(tn), covered, "{tn}");
    }

    let nobody = credential(Leaf { name: String::new(), ..Leaf::numbers(&[]) });
    assert_eq!((&**nobody.signer(), nobody.covers("12155550100")), ("5350", false));
    let long = credential(Leaf { name: "\u{e9}".repeat(40), ..Leaf::numbers(&[]) });
    assert_eq!(long.signer().len(), 64, "cut between characters");
}

#[test]
fn authorities_have_a_list_only_to_delegate() {
    let with = |numbers: &[Entry]| Rank { numbers: numbers.to_vec(), ..Rank::default() };
    let malformed = Err(Outcome::TnAuthListMalformed);
    assert_eq!(below(with(&[spc("709J")]), Leaf::spc("709J")), malformed);
    assert_eq!(below(with(&[spc("709J")]), Leaf::spc("1")), malformed);
    let hundred = [range("12155550100", 100)];
    let numbers = |start, count| Leaf::numbers(&[range(start, count)]);
    assert_eq!(below(with(&[spc("709J")]), Leaf::numbers(&hundred)), Ok(()));
    assert_eq!(below(with(&hundred), numbers("12155550150", 10)), Ok(()));
    assert_eq!(below(with(&hundred), numbers("12155550150", 51)), malformed);
    assert_eq!(below(with(&hundred), Leaf::spc("709J")), malformed);
}

#[test]
fn constraints_are_kept() {
    let root = Authority::root("Root");
    let trust = trust(&[&root]);
    let credential = |leaf: Leaf| read(&root.issue(leaf).chain(), &trust);
    let only_b = Constraints {
        permitted: vec![Permitted { claim: "attest".to_owned(), values: vec!["B".to_owned()] }],
        ..Constraints::default()
    };
    let no_rph = Constraints { must_exclude: vec!["rph".to_owned()], ..Constraints::default() };
    let [good, bad, rph] = [json!({"attest": "B"}), json!({"attest": "A"}), json!({"rph": 1})];
    let permits = |credential: &Credential| {
        [&good, &bad, &rph].map(|claims| credential.permits(claims.as_object().expect("object")))
    };

    let plain = credential(Leaf { constraints: Some(only_b.clone()), ..Leaf::spc("1") });
    assert_eq!((plain.check(NOW), plain.has_constraints()), (Ok(()), true));
    assert_eq!(permits(&plain), [true, false, true]);
    let enhanced = credential(Leaf { enhanced: Some(no_rph.clone()), ..Leaf::spc("1") });
    assert_eq!(permits(&enhanced), [true, true, false]);
    let both = Leaf { constraints: Some(only_b), enhanced: Some(no_rph), ..Leaf::spc("1") };
    assert_eq!(permits(&credential(both)), [true, false, false]);

    for oid in [constraints::OID, constraints::ENHANCED_OID] {
        let oid = oid.arcs().map(u64::from).collect();
        let extensions = vec![(oid, false, b"\x30\x02\xa0\x00".to_vec())];
        let broken = credential(Leaf { extensions, ..Leaf::spc("1") });
        assert_eq!(broken.check(NOW), Err(Outcome::CertificateUnfit));
        assert_eq!(permits(&broken), [false; 3]);
    }
}

#[test]
fn the_chain_ends_at_an_anchor() {
    let [root, other] = ["Root", "Other"].map(Authority::root);
    let issuing = root.below("Issuing");
    let signer = issuing.issue(Leaf::spc("709J"));
    let check = |pem: &str, trust: &Trust| read(pem, trust).check(NOW);

    assert_eq!(check(&signer.chain(), &trust(&[&other, &root])), Ok(()));
    assert_eq!(check(&signer.chain(), &Trust::default()), Err(Outcome::NoAnchors));
    let incomplete = Err(Outcome::CertificateIncomplete);
    assert_eq!(check(&signer.pem(), &trust(&[&root])), incomplete);
    assert_eq!(check(&signer.chain(), &trust(&[&other])), incomplete);
    // With the intermediate one among the anchors nothing is missing.
    assert_eq!(check(&signer.pem(), &trust(&[&issuing])), Ok(()));

    let untrusted = Err(Outcome::CertificateUntrusted);
    let with_root = [signer.chain(), root.pem()].concat();
    assert_eq!(check(&with_root, &trust(&[&other])), untrusted);
    assert_eq!(check(&with_root, &trust(&[&root])), Ok(()));
    let namesake = Authority::root("Root");
    assert_eq!(check(&signer.chain(), &trust(&[&namesake])), untrusted);
    assert_eq!(check(&signer.chain(), &trust(&[&namesake, &root])), Ok(()));

    let alone = Signer::alone(Leaf::spc("709J"));
    assert_eq!(check(&alone.pem(), &trust(&[&root])), Err(Outcome::CertificateSelfSigned));
    // Unless it was put among the anchors; that makes no other one trusted.
    let pinned = Trust::from_pem(alone.pem().as_bytes(), b"");
    assert_eq!(check(&alone.pem(), &pinned), Ok(()));
    assert_eq!(check(&signer.chain(), &pinned), incomplete);
    let namesake = Signer::alone(Leaf::spc("709J"));
    assert_eq!(check(&namesake.pem(), &pinned), Err(Outcome::CertificateSelfSigned));
}

#[test]
fn what_a_certificate_may_not_be_used_for() {
    let unfit = Err(Outcome::CertificateUnfit);
    let unknown = |is_critical| Leaf {
        extensions: vec![(vec![1, 3, 6, 1, 4, 1, 99_999, 1], is_critical, vec![5, 0])],
        ..Leaf::spc("1")
    };
    assert_eq!(outcome(unknown(true)), unfit);
    assert_eq!(outcome(unknown(false)), Ok(()));

    let usages = |usages: &[KeyUsagePurpose]| Leaf { usages: usages.to_vec(), ..Leaf::spc("1") };
    assert_eq!(outcome(usages(&[KeyUsagePurpose::KeyEncipherment])), unfit);
    assert_eq!(outcome(usages(&[])), Ok(()));
    let purposes = |purposes: &[ExtendedKeyUsagePurpose]| Leaf {
        purposes: purposes.to_vec(),
        ..Leaf::spc("1")
    };
    assert_eq!(outcome(purposes(&[ExtendedKeyUsagePurpose::ServerAuth])), unfit);
    let any = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::Any];
    assert_eq!(outcome(purposes(&any)), Ok(()));
    let sip = ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 20]);
    assert_eq!(outcome(purposes(&[sip])), Ok(()));

    assert_eq!(outcome(Leaf { authority: true, ..Leaf::spc("1") }), unfit);

    let names = |names: GeneralSubtree| Rank { names: vec![names], ..Rank::default() };
    let domain = GeneralSubtree::DnsName("test.example".to_owned());
    let host = b"\x30\x0f\x82\x0dother.example";
    let other =
        Leaf { extensions: vec![(vec![2, 5, 29, 17], false, host.to_vec())], ..Leaf::spc("1") };
    assert_eq!(outcome(other.clone()), Ok(()));
    assert_eq!(below(names(domain.clone()), other), unfit);
    assert_eq!(below(names(domain), Leaf::spc("1")), Ok(()), "no host, nothing to compare");
    // The library compares no subjects and refuses all, which is allowed (RFC 5280 §4.2.1.10).
    let subject = GeneralSubtree::DirectoryName(DistinguishedName::new());
    assert_eq!(below(names(subject), Leaf::spc("1")), unfit);
    let lists = Rank { usages: vec![KeyUsagePurpose::CrlSign], ..Rank::default() };
    assert_eq!(below(lists, Leaf::spc("1")), unfit);

    let root = Authority::root("Root");
    let trust = trust(&[&root]);
    let last = root.below_with("Last", Rank { path_len: Some(0), ..Rank::default() });
    assert_eq!(read(&last.issue(Leaf::spc("1")).chain(), &trust).check(NOW), Ok(()));
    let deeper = last.below("Deeper").issue(Leaf::spc("1"));
    assert_eq!(read(&deeper.chain(), &trust).check(NOW), unfit);
    let deep = (0..8).fold(Authority::root("0"), |above, at| above.below(&at.to_string()));
    let served = Credential::read(deep.issue(Leaf::spc("1")).chain().as_bytes(), &trust);
    assert_eq!(served.err(), Some(Outcome::CertificateMalformed), "nine certificates");
}

#[test]
fn lists_revoke_and_never_do_anything_else() {
    let root = Authority::root("Root");
    let issuing = root.below_with("Issuing", Rank { serial: vec![7], ..Rank::default() });
    let signer = issuing.issue(Leaf::spc("709J"));
    let namesake = Authority::root("Issuing");
    let serial: &[u8] = b"SP";
    let check = |crls: &[String]| {
        let trust = Trust::from_pem(root.pem().as_bytes(), crls.concat().as_bytes());
        assert_eq!((trust.crls.len(), trust.warnings()), (crls.len(), &[][..]));
        read(&signer.chain(), &trust).check(NOW)
    };
    let revoked = Err(Outcome::CertificateRevoked);
    assert_eq!(check(&[issuing.crl(&[b"SQ"])]), Ok(()));
    assert_eq!(check(&[issuing.crl(&[b"SQ", serial])]), revoked);
    assert_eq!(check(&[root.crl(&[serial])]), Ok(()), "another authority's number");
    assert_eq!(check(&[root.crl(&[&[7]])]), revoked, "the authority itself");
    // Nobody else's signature counts, and it hides no list that is right.
    let forged = namesake.crl(&[serial]);
    assert_eq!(check(std::slice::from_ref(&forged)), Ok(()));
    assert_eq!(check(&[forged.clone(), issuing.crl(&[serial])]), revoked);
    assert_eq!(check(&[issuing.crl(&[]), forged, issuing.crl(&[serial])]), revoked);
    // Outdated.
    assert_eq!(check(&[issuing.crl_with(&[], (FROM, FROM + 1))]), Ok(()));
    assert_eq!(check(&[issuing.crl_with(&[serial], (FROM, FROM + 1))]), revoked);
}

#[test]
fn of_two_paths_the_one_that_is_not_revoked_counts() {
    let [old, new] = ["Old", "New"].map(Authority::root);
    let issuing = Authority::root("Issuing");
    let rank = |serial, from, to| Rank {
        serial: vec![serial],
        valid: (NOW + from, NOW + to),
        ..Rank::default()
    };
    let signer = issuing.issue(Leaf::spc("709J"));
    let [by_old, by_new] = [
        old.vouch(&issuing, "Issuing", &rank(7, -100, 200)),
        new.vouch(&issuing, "Issuing", &rank(8, 0, 100)),
    ];
    let [revoked_old, revoked_new] = [old.crl(&[&[7]]), new.crl(&[&[8]])];
    let (ok, late) = (Ok(()), Err(Outcome::CertificateExpired));
    let (early, revoked) = (Err(Outcome::CertificateNotYetValid), Err(Outcome::CertificateRevoked));
    for (crls, expected) in [
        (vec![], [ok, ok, ok, ok]),
        (vec![&revoked_old], [early, ok, ok, late]),
        (vec![&revoked_new], [ok, ok, ok, ok]),
        (vec![&revoked_old, &revoked_new], [revoked; 4]),
    ] {
        let crls: String = crls.into_iter().map(String::as_str).collect();
        let trust = Trust::from_pem([old.pem(), new.pem()].concat().as_bytes(), crls.as_bytes());
        for served in [[&signer.pem(), &by_old, &by_new], [&signer.pem(), &by_new, &by_old]] {
            let credential = read(&served.map(String::as_str).concat(), &trust);
            let found = [-100, 0, 100, 200].map(|time| credential.check(NOW + time));
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn an_indirect_list_counts_by_whose_certificate_lies_beside_it() {
    let root = Authority::root("Root");
    let issuing = root.below_with("Issuing", Rank { serial: vec![7], ..Rank::default() });
    let signer = issuing.issue(Leaf::spc("709J"));
    let [pa, stranger] = ["STI-PA", "STI-PA"].map(Authority::root);
    let check = |crls: &[String]| {
        let trust = Trust::from_pem(root.pem().as_bytes(), crls.concat().as_bytes());
        let credential = read(&signer.chain(), &trust);
        (credential.check(NOW), trust.crls.len(), trust.warnings().len())
    };
    let (revoked, serial): (_, &[u8]) = (Err(Outcome::CertificateRevoked), b"SP");
    let list = pa.indirect_crl(&[(&root, b"SP"), (&issuing, b"SQ"), (&issuing, serial)]);
    assert_eq!(check(&[list.clone(), pa.pem()]), (revoked, 1, 0));
    assert_eq!(check(&[pa.pem(), pa.indirect_crl(&[(&root, &[7])])]), (revoked, 1, 0));
    let others = [(&root, serial), (&issuing, b"SQ"), (&pa, serial)];
    assert_eq!(check(&[pa.pem(), pa.indirect_crl(&others)]), (Ok(()), 1, 0));
    // One that is trusted by itself is trusted no more.
    let trust = |crls: &str| Trust::from_pem(signer.pem().as_bytes(), crls.as_bytes());
    assert_eq!(read(&signer.pem(), &trust("")).check(NOW), Ok(()));
    let both = [list.clone(), pa.pem()].concat();
    assert_eq!(read(&signer.pem(), &trust(&both)).check(NOW), revoked);
    // Of nobody else: not of a namesake, and not of an anchor.
    assert_eq!(check(std::slice::from_ref(&list)), (Ok(()), 0, 1));
    assert_eq!(check(&[list, stranger.pem()]), (Ok(()), 0, 1));
    assert_eq!(check(&[root.indirect_crl(&[(&issuing, serial)])]), (Ok(()), 0, 1));
}

#[test]
fn files_as_they_are_served() {
    let root = Authority::root("Root");
    let trust = trust(&[&root]);
    let issuing = root.below("Issuing");
    let signer = issuing.issue(Leaf::spc("709J"));
    let direct = root.issue(Leaf::spc("709J"));
    let good = |bytes: &[u8]| {
        let credential = Credential::read(bytes, &trust).expect("a credential");
        assert_eq!((credential.check(NOW), &**credential.signer()), (Ok(()), "709J"));
    };
    good(direct.der());
    good(signer.chain().replace('\n', "\r\n").as_bytes());
    good(["\u{feff}", &signer.chain()].concat().as_bytes());
    good(["Bag Attributes\n  0: x\n", &signer.chain(), "\n-- \n"].concat().as_bytes());
    good(
        ["-----BEGIN EC PARAMETERS-----\nBggq\n-----END EC PARAMETERS-----\n", &signer.chain()]
            .concat()
            .as_bytes(),
    );
    // The wrong way round, with the root.
    good([root.pem(), issuing.pem(), signer.pem()].concat().as_bytes());
    good([signer.pem(), root.pem(), issuing.pem()].concat().as_bytes());

    let chain = signer.chain();
    let garbage = "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n";
    for file in [
        "",
        "0",
        "<html>404</html>",
        "-----BEGIN CERTIFICATE-----\n",
        "-----BEGIN PUBLIC KEY-----\nMAAA\n-----END PUBLIC KEY-----\n",
        garbage,
        &[&chain, garbage].concat(),
        &chain[..chain.len() - 40],
        &chain.repeat(MAX_CHAIN / 2 + 1),
        &[&chain, &*" ".repeat(MAX_PEM)].concat(),
    ] {
        let read = Credential::read(file.as_bytes(), &trust);
        assert_eq!(read.err(), Some(Outcome::CertificateMalformed), "{file:.80}");
    }
    let mut cut = direct.der().to_vec();
    cut.pop();
    assert_eq!(Credential::read(&cut, &trust).err(), Some(Outcome::CertificateMalformed));
}

/// Certificates of other projects' tests: what each is, late in 2026.
#[test]
fn certificates_of_others() {
    const TIME: i64 = 1_795_000_000;
    let Some(folder) = shared() else { return };
    let anchors = [
        "certs/asterisk_astdev-ca.crt",
        "certs/libstirshaken_ca_ca.pem",
        "certs/libstirshaken_pa_pa.pem",
        "certs/sipssert_ca-cert.pem",
        "agranig/certs/cacert.pem",
    ];
    let anchors = anchors.map(|name| fs::read(folder.join(name)).expect("an anchor")).concat();
    let trust = Trust::from_pem(&anchors, b"");
    assert_eq!((trust.anchors.len(), trust.warnings()), (5, &[][..]));

    let check = |name: &str| {
        let credential = Credential::read(&fs::read(folder.join(name)).expect("a file"), &trust)?;
        credential.check(TIME).map(|()| credential.signer().to_string())
    };
    for (name, expected) in [
        ("certs/asterisk_SPAST1-cert.pem", Ok("1")),
        ("agranig/certs/cert.pem", Ok("1001")),
        // Text instead of a list.
        ("certs/libstirshaken_sp_sp.pem", Err(Outcome::TnAuthListMalformed)),
        ("certs/libstirshaken_sp_wrongsp.pem", Err(Outcome::CertificateIncomplete)),
        ("certs/rfc8225_pub.pem", Err(Outcome::CertificateMalformed)),
        // An authority's that signs calls.
        ("certs/sems_test.pem", Err(Outcome::CertificateUnfit)),
        ("certs/asterisk_astdev-ca.crt", Err(Outcome::CertificateUnfit)),
        ("certs/libstirshaken_ca_ca.pem", Err(Outcome::CertificateUnfit)),
        ("certs/libstirshaken_pa_pa.pem", Err(Outcome::CertificateUnfit)),
        ("certs/sipssert_ca-cert.pem", Err(Outcome::CertificateUnfit)),
        ("agranig/certs/cacert.pem", Err(Outcome::CertificateUnfit)),
        ("agranig/certs/untrusted-ca.pem", Err(Outcome::CertificateUnfit)),
        ("agranig/certs/empty.pem", Err(Outcome::CertificateMalformed)),
        ("agranig/certs/garbage.pem", Err(Outcome::CertificateMalformed)),
        ("agranig/certs/expired.pem", Err(Outcome::CertificateExpired)),
        ("agranig/certs/future.pem", Err(Outcome::CertificateNotYetValid)),
        ("agranig/certs/untrusted.pem", Err(Outcome::CertificateIncomplete)),
    ] {
        assert_eq!(check(name).as_deref().map_err(|outcome| *outcome), expected, "{name}");
    }

    // Twelve scenarios with one certificate, and one with another that begins later.
    let scenarios = fs::read_dir(folder.join("sipssert")).expect("a folder");
    let mut count = 0;
    for scenario in scenarios.map(|entry| entry.expect("an entry").path()) {
        let anchor = fs::read(scenario.join("ca-cert.pem")).expect("an anchor");
        let leaf = fs::read(scenario.join("cert.pem")).expect("a certificate");
        let credential =
            Credential::read(&leaf, &Trust::from_pem(&anchor, b"")).expect("a credential");
        let is_future = scenario.ends_with("19.verify-error-437-cert-in-future");
        // 2024-06-01.
        let expected = if is_future { Err(Outcome::CertificateNotYetValid) } else { Ok(()) };
        assert_eq!(credential.check(1_717_200_000), expected, "{}", scenario.display());
        assert_eq!(&**credential.signer(), "1001");
        count += 1;
    }
    assert_eq!(count, 13);
}

fn shared() -> Option<PathBuf> {
    let folder = env::var_os("ANI_SHARED_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let folder = folder.join("stir");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no shared data at {}", folder.display());
    None
}

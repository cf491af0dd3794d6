//! Images against the obvious: a list of all listings, looked through from the first to the last.

use ani_ebpf::{
    abi::{
        list::{Action, MAX_LISTS, Rule},
        record::NO_TRUNK,
    },
    lists::{Asked, Found},
};
use proptest::prelude::*;

use super::*;

const KEY: u64 = 0x0123_4567_89ab_cdef;

fn number(digits: &str) -> Number {
    Number::from_ascii(digits.as_bytes()).expect("digits")
}

fn prefix(digits: &str) -> Span {
    Span::Prefix(number(digits))
}

fn asked(digits: &str) -> Asked {
    Asked { number: number(digits), trunk: 0, attestation: 0, now: 100 }
}

/// Lists 1 to 3 let through, stop and mark; 4 to 6 would.
fn rules() -> [Rule; MAX_LISTS] {
    let mut rules = [Rule::NONE; MAX_LISTS];
    for (at, action) in [Action::Allow, Action::Block, Action::Gray].into_iter().enumerate() {
        rules[at + 1] = Rule::new(action, false);
        rules[at + 4] = Rule::new(action, true);
    }
    rules
}

struct Rig {
    lists: Lists,
    images: Memory,
}

impl Rig {
    fn new() -> Self {
        Self { lists: Lists::new(KEY, 1_000_000), images: Memory::EMPTY }
    }

    fn put(&mut self, listings: &[Item]) {
        self.lists.put(&mut self.images, listings).expect("put");
    }

    fn take(&mut self, listings: &[Item]) {
        self.lists.take(&mut self.images, listings).expect("taken");
    }

    fn find(&self, asked: &Asked) -> Found {
        self.images.find(KEY, asked, &rules())
    }

    fn list(&self, digits: &str) -> u8 {
        self.find(&asked(digits)).list
    }
}

#[test]
fn the_strongest_action_and_then_the_narrowest_counts() {
    let mut rig = Rig::new();
    rig.put(&[
        (prefix("1"), Entry::new(3)),
        (prefix("1415"), Entry::new(2)),
        (prefix("1415555"), Entry::new(1)),
        (Span::Number(number("14155551234")), Entry::new(2)),
        (Span::Number(number("12125550100")), Entry::new(1)),
        (Span::Range(number("12125550000"), number("12125550999")), Entry::new(2)),
        (prefix("33"), Entry::new(5)),
    ]);
    for (digits, list) in [
        ("14155551234", 1),
        ("14155561234", 2),
        ("1415", 2),
        ("141", 3),
        ("12125550100", 1),
        ("12125550000", 2),
        ("12125550999", 2),
        ("12125551000", 3),
        ("12125549999", 3),
        // Of another length than the range's.
        ("121255501", 3),
        ("1212555012345", 3),
        ("442079460000", 0),
        ("9999999999999999", 0),
        ("33123456789", 0),
    ] {
        assert_eq!(rig.list(digits), list, "{digits}");
    }
    let seen = rig.find(&asked("33123456789"));
    assert_eq!((seen.rank, seen.observed, seen.observed_rank), (0, 5, Action::Block as u8));
}

#[test]
fn an_entry_holds_for_its_scope_and_its_time() {
    let mut rig = Rig::new();
    let entry = Entry::new(2).on_trunk(7).attested(0b0001).until(101);
    for span in [Span::Number(number("14155551234")), prefix("33")] {
        rig.put(&[(span, entry)]);
    }
    for digits in ["14155551234", "33123456789"] {
        let base = Asked { trunk: 7, ..asked(digits) };
        for (call, list) in [
            (base, 2),
            (Asked { trunk: 8, ..base }, 0),
            (Asked { attestation: 1, ..base }, 0),
            // Not clear: it may be any.
            (Asked { attestation: 4, ..base }, 0),
            (Asked { now: 101, ..base }, 0),
        ] {
            assert_eq!(rig.find(&call).list, list, "{call:?}");
        }
    }
}

#[test]
fn sixteen_digits_are_told_apart() {
    let mut rig = Rig::new();
    let span = Span::Range(number("3310200123456780"), number("3310200123456784"));
    rig.put(&[(span, Entry::new(2))]);
    for (last, list) in [("79", 0), ("80", 2), ("84", 2), ("85", 0), ("8", 0)] {
        assert_eq!(rig.list(&format!("33102001234567{last}")), list, "{last}");
    }
}

#[test]
fn a_number_may_be_on_eight_lists_and_no_more() {
    let mut rig = Rig::new();
    let span = Span::Number(number("14155551234"));
    let on = |trunk| (span, Entry::new(2).on_trunk(trunk));
    rig.put(&(0..8).map(on).collect::<Vec<_>>());
    assert_eq!(rig.lists.len(), 8);
    for trunk in 0..8 {
        assert_eq!(rig.find(&Asked { trunk, ..asked("14155551234") }).list, 2, "{trunk}");
    }
    for more in [vec![on(8)], (8..10_000).map(on).collect()] {
        let error = rig.lists.put(&mut rig.images, &more).expect_err("too many");
        assert!(error.to_string().starts_with("+14155551234 would be on more than 8"), "{error}");
        assert_eq!(rig.lists.len(), 8);
    }
    // One that is there takes the new end.
    rig.put(&[(span, Entry::new(2).on_trunk(3).until(1))]);
    assert_eq!(rig.lists.len(), 8);
    assert_eq!(rig.find(&Asked { trunk: 3, ..asked("14155551234") }).list, 0);
}

#[test]
fn more_than_eight_ranges_over_one_number_are_refused() {
    let mut rig = Rig::new();
    let deep = |count: usize| -> Vec<Item> {
        (0..count).map(|at| (prefix("14"), Entry::new(2).on_trunk(at as u16))).collect()
    };
    rig.put(&deep(8));
    let error = rig.lists.put(&mut rig.images, &deep(9)).expect_err("too many");
    assert!(error.to_string().contains("hold for +14 and what follows"), "{error}");
    assert_eq!((rig.lists.len(), rig.find(&asked("1415")).list), (8, 2));
    // Nested ones of one list and scope are one to look at, as long as the narrow one lasts.
    let nested: Vec<Item> =
        (1..=15).map(|len| (prefix(&"234567890123456"[..len]), Entry::new(3))).collect();
    rig.put(&nested);
    assert_eq!(rig.list("2345678901234567"), 3);
}

#[test]
fn the_list_is_bounded() {
    let mut lists = Lists::new(KEY, 2);
    let mut images = Memory::EMPTY;
    let on = |digits: &str| (Span::Number(number(digits)), Entry::new(2));
    lists.put(&mut images, &[on("14155551234"), on("14155551235")]).expect("room");
    lists.put(&mut images, &[on("14155551235")]).expect("known");
    let error = lists.put(&mut images, &[on("14155551236")]).expect_err("full");
    assert!(error.to_string().contains("full at 2"), "{error}");
    let error = lists.put(&mut images, &[(prefix("1"), Entry::new(2))]).expect_err("full");
    assert!(error.to_string().contains("full at 2"), "{error}");
    assert_eq!(lists.len(), 2);
}

#[test]
fn a_hundred_thousand_numbers_find_their_places() {
    let mut rig = Rig::new();
    let on = |at: u64| (Span::Number(number(&format!("1{:010}", at * 7_919))), Entry::new(2));
    let all: Vec<Item> = (0..100_000).map(on).collect();
    rig.lists.replace(&mut rig.images, all.iter().copied().map(Ok)).expect("built");
    assert_eq!(rig.lists.len(), all.len());
    let lines = rig.lists.layout().exact_lines as usize;
    assert_eq!(lines, all.len() * 3 / 8, "24 bytes a number");
    // One by one, until the image must grow.
    for at in 100_000..140_000 {
        rig.put(&[on(at)]);
    }
    assert!(rig.lists.layout().exact_lines as usize > lines);
    for at in 0..140_000 {
        let (Span::Number(number), _) = on(at) else { unreachable!() };
        assert_eq!(rig.find(&Asked { number, ..asked("1") }).list, 2, "{number}");
    }
    let (Span::Number(other), _) = on(140_000) else { unreachable!() };
    assert_eq!(rig.find(&Asked { number: other, ..asked("1") }).list, 0);
}

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<Item>),
    Take(Vec<Item>),
    Replace(Vec<Item>),
}

/// Few digits, so that they meet.
fn digits(len: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof![Just('1'), Just('2'), Just('9')], len)
        .prop_map(|digits| digits.into_iter().collect())
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        digits(1..=5).prop_map(|digits| Span::Number(number(&digits))),
        digits(16..=16).prop_map(|digits| Span::Number(number(&digits))),
        digits(1..=4).prop_map(|digits| Span::Prefix(number(&digits))),
        (digits(4..=4), digits(4..=4)).prop_map(|(one, other)| {
            let (low, high) = if one <= other { (one, other) } else { (other, one) };
            Span::Range(number(&low), number(&high))
        }),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    (
        1..=6_u8,
        prop_oneof![Just(NO_TRUNK), Just(1)],
        prop_oneof![Just(0xf), Just(0b11_u8)],
        0..4_u32,
    )
        .prop_map(|(list, trunk, mask, ends)| {
            let entry = Entry::new(list).on_trunk(trunk).attested(mask);
            if ends == 0 { entry } else { entry.until(98 + ends) }
        })
}

fn step() -> impl Strategy<Value = Step> {
    let items = || proptest::collection::vec((span(), entry()), 0..6);
    prop_oneof![
        4 => items().prop_map(Step::Put),
        2 => items().prop_map(Step::Take),
        1 => items().prop_map(Step::Replace),
    ]
}

/// What the obvious way finds: the strongest action, whoever says so.
fn ranks(listings: &HashMap<Key, Entry>, asked: &Asked) -> (u8, u8) {
    let rules = rules();
    let (mut rank, mut observed) = (0, 0);
    let text = asked.number.to_string();
    for ((span, _), entry) in listings {
        let within = match span {
            Span::Number(number) => *number == asked.number,
            Span::Prefix(prefix) => text.starts_with(&prefix.to_string()),
            Span::Range(low, high) => {
                let (low, high) = (low.to_string(), high.to_string());
                text.len() == low.len() && low <= text && text <= high
            }
        };
        let lasts = entry.expires() == 0 || asked.now < entry.expires();
        let on_trunk = entry.trunk() == NO_TRUNK || entry.trunk() == asked.trunk;
        let attested = entry.attestations() == 0xf
            || (asked.attestation < 4 && entry.attestations() >> asked.attestation & 1 == 1);
        if within && lasts && on_trunk && attested {
            let rule = rules[usize::from(entry.list())];
            let best = if rule.is_observed() { &mut observed } else { &mut rank };
            *best = (*best).max(rule.rank());
        }
    }
    (rank, observed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn images_say_what_the_listings_say(
        steps in proptest::collection::vec(step(), 1..12),
        calls in proptest::collection::vec((digits(1..=5), 0..3_u16, 0..5_u8), 20),
    ) {
        let mut rig = Rig::new();
        let mut model: HashMap<Key, Entry> = HashMap::new();
        for step in steps {
            match step {
                Step::Put(items) => {
                    if rig.lists.put(&mut rig.images, &items).is_ok() {
                        model.extend(items.iter().map(|item| (key_of(item), item.1)));
                    }
                }
                Step::Take(items) => {
                    rig.take(&items);
                    for item in items {
                        model.remove(&key_of(&item));
                    }
                }
                Step::Replace(items) => {
                    let all = items.iter().copied().map(Ok);
                    if rig.lists.replace(&mut rig.images, all).is_ok() {
                        model = items.iter().map(|item| (key_of(item), item.1)).collect();
                    }
                }
            }
            prop_assert_eq!(rig.lists.len(), model.len());
            for (digits, trunk, attestation) in &calls {
                let call = Asked { trunk: *trunk, attestation: *attestation, ..asked(digits) };
                let found = rig.find(&call);
                let (rank, observed) = ranks(&model, &call);
                prop_assert_eq!(found.rank, rank, "{:?} {:?}", call, model);
                // Ranges are not looked into for what only would be told of a call that is stopped.
                if rank < Action::Block as u8 {
                    prop_assert_eq!(found.observed_rank, observed, "{:?} {:?}", call, model);
                }
                let rules = rules();
                prop_assert_eq!(rules[usize::from(found.list)].rank(), rank);
            }
        }
    }
}

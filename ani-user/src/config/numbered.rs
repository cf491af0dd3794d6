//! What the program knows by number: trunks, lists and limits. A number stays with its name from one
//! configuration to the next, whatever comes, goes or moves around it, so that nothing that holds a
//! number (an entry, a bucket, a record on its way, a rest) ever means another trunk, list or limit.

use std::{collections::HashMap, ops::Deref};

use super::{List, NamedLimit, Trunk};

/// What has a name and a number.
pub trait Named {
    /// How its number is kept.
    type Number: Copy + PartialEq + TryFrom<usize> + Into<usize>;
    /// What it is, for people.
    const KIND: &'static str;
    /// The first number.
    const FIRST: usize;
    /// How many there are.
    const COUNT: usize;

    /// Unique among its kind.
    fn name(&self) -> &str;
}

impl Named for Trunk {
    type Number = u16;
    const KIND: &'static str = "trunk";
    const FIRST: usize = 0;
    const COUNT: usize = ani_ebpf::abi::trunk::MAX_TRUNKS as usize;

    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for List {
    type Number = u8;
    const KIND: &'static str = "list";
    /// Behind no list and those that are always there.
    const FIRST: usize = crate::policy::GRAY as usize + 1;
    const COUNT: usize = ani_ebpf::abi::list::MAX_LISTS - Self::FIRST;

    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for NamedLimit {
    type Number = u8;
    const KIND: &'static str = "limit";
    /// Behind no limit and that of each caller.
    const FIRST: usize = super::PER_CALLER as usize + 1;
    const COUNT: usize = u8::MAX as usize + 1 - Self::FIRST;

    fn name(&self) -> &str {
        &self.name
    }
}

/// All of a kind, in file order, each with its number.
#[derive(Clone, Debug)]
pub struct Numbered<T> {
    items: Vec<T>,
    /// By number; at most [`Named::COUNT`].
    held: Vec<Held>,
}

/// Who has a number.
#[derive(Clone, Debug)]
struct Held {
    name: String,
    /// Its place in the file; none of one that is gone.
    place: Option<usize>,
    /// Configurations since it went: those who are gone give way when there is no other number.
    gone: u32,
}

/// No number is left for one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{kind} `{name}` finds no number: all {count} are in use, or were until now; take out first what is \
     to go, and put in what is new with another reload"
)]
pub struct NoNumber {
    kind: &'static str,
    name: String,
    count: usize,
}

impl<T: Named> Numbered<T> {
    /// The same with the numbers of `before`: who had one has it again, even after he was gone. The
    /// others get numbers that nobody has had, then those of who is gone longest; none of one who was
    /// there in `before`, of whom there still may be records on their way.
    ///
    /// # Errors
    ///
    /// When there is no such number.
    pub fn after(self, before: &Self) -> Result<Self, NoNumber> {
        let Self { items, .. } = self;
        let mut held = before.held.clone();
        for held in &mut held {
            held.gone = if held.place.take().is_some() { 0 } else { held.gone.saturating_add(1) };
        }
        let known: HashMap<_, _> =
            before.held.iter().enumerate().map(|(at, held)| (held.name.as_str(), at)).collect();
        let mut new = Vec::new();
        for (place, item) in items.iter().enumerate() {
            match known.get(item.name()).and_then(|at| held.get_mut(*at)) {
                Some(held) => held.place = Some(place),
                None => new.push(place),
            }
        }
        for place in new {
            let name = items[place].name().to_owned();
            let taken = Held { name, place: Some(place), gone: 0 };
            if held.len() < T::COUNT {
                held.push(taken);
                continue;
            }
            let free = held.iter_mut().filter(|held| held.place.is_none() && held.gone > 0);
            match free.max_by_key(|held| held.gone) {
                Some(free) => *free = taken,
                None => {
                    return Err(NoNumber { kind: T::KIND, name: taken.name, count: T::COUNT });
                }
            }
        }
        Ok(Self { items, held })
    }

    /// Each with its number.
    pub fn numbered(&self) -> impl Iterator<Item = (T::Number, &T)> {
        let held = self.held.iter().enumerate();
        let mut numbers: Vec<_> = held.filter_map(|(at, held)| Some((held.place?, at))).collect();
        numbers.sort_unstable();
        self.items.iter().zip(numbers).filter_map(|(item, (_, at))| Some((number::<T>(at)?, item)))
    }

    /// Who has a number.
    pub fn by_number(&self, number: T::Number) -> Option<&T> {
        let at = number.into().checked_sub(T::FIRST)?;
        self.items.get(self.held.get(at)?.place?)
    }

    /// The number of a name.
    pub fn number_of(&self, name: &str) -> Option<T::Number> {
        let at = self.held.iter().position(|held| held.place.is_some() && held.name == name)?;
        number::<T>(at)
    }

    /// Numbers that mean something else than in `before`: of who is gone, and of who has come.
    pub fn changed(&self, before: &Self) -> Vec<T::Number> {
        let there = |all: &Self, at: usize| -> Option<String> {
            all.held.get(at).filter(|held| held.place.is_some()).map(|held| held.name.clone())
        };
        let all = 0..self.held.len().max(before.held.len());
        all.filter(|at| there(self, *at) != there(before, *at)).filter_map(number::<T>).collect()
    }

    /// Them alone.
    pub fn into_items(self) -> Vec<T> {
        self.items
    }
}

fn number<T: Named>(at: usize) -> Option<T::Number> {
    T::Number::try_from(T::FIRST + at).ok()
}

/// Numbered in their order; what is beyond [`Named::COUNT`] has no number.
impl<T: Named> From<Vec<T>> for Numbered<T> {
    fn from(items: Vec<T>) -> Self {
        let held = |(place, item): (usize, &T)| Held {
            name: item.name().to_owned(),
            place: Some(place),
            gone: 0,
        };
        let held = items.iter().enumerate().take(T::COUNT).map(held).collect();
        Self { items, held }
    }
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { items: Vec::new(), held: Vec::new() }
    }
}

impl<T> Deref for Numbered<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

/// Whether the file says the same; numbers are none of its business.
impl<T: PartialEq> PartialEq for Numbered<T> {
    fn eq(&self, other: &Self) -> bool {
        self.items == other.items
    }
}

impl<T: Eq> Eq for Numbered<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something of which there are four.
    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Thing(String);

    impl Named for Thing {
        type Number = u8;
        const KIND: &'static str = "thing";
        const FIRST: usize = 252;
        const COUNT: usize = 4;

        fn name(&self) -> &str {
            &self.0
        }
    }

    fn things(names: &str) -> Numbered<Thing> {
        names.split_whitespace().map(|name| Thing(name.to_owned())).collect::<Vec<_>>().into()
    }

    /// Names and numbers after each of some configurations.
    fn numbers(configurations: &[&str]) -> Vec<String> {
        let mut last = Numbered::default();
        let mut all = Vec::new();
        for names in configurations {
            last = things(names).after(&last).expect("numbers");
            let numbered = last.numbered().map(|(number, thing)| {
                assert_eq!(last.by_number(number), Some(thing));
                assert_eq!(last.number_of(&thing.0), Some(number));
                format!("{}{number}", thing.0)
            });
            all.push(numbered.collect::<Vec<_>>().join(" "));
        }
        all
    }

    #[test]
    fn a_number_stays_with_its_name() {
        assert_eq!(
            numbers(&["a b c", "c a", "d c", "b d a"]),
            ["a252 b253 c254", "c254 a252", "d255 c254", "b253 d255 a252"]
        );
    }

    #[test]
    fn who_is_gone_longest_gives_way_and_not_at_once() {
        assert_eq!(
            numbers(&["a b c d", "c d", "d", "d e", "d e f"]),
            ["a252 b253 c254 d255", "c254 d255", "d255", "d255 e253", "d255 e253 f252"]
        );
        let full = things("a b c d");
        let refused = things("a b c e").after(&full).expect_err("d was there until now");
        assert_eq!(
            refused.to_string(),
            "thing `e` finds no number: all 4 are in use, or were until now; take out first what is to \
             go, and put in what is new with another reload"
        );
        let fewer = things("a b c").after(&full).expect("numbers");
        // What was refused, or is read once more, changes nothing.
        let again = things("a b c").after(&fewer).expect("numbers");
        for before in [fewer, again] {
            assert_eq!(
                things("a b c e").after(&before).expect("a number").number_of("e"),
                Some(255)
            );
        }
    }

    #[test]
    fn what_a_number_means_now_is_told() {
        let before = things("a b c");
        let after = things("c d a").after(&before).expect("numbers");
        assert_eq!(after.changed(&before), [253, 255]);
        assert_eq!(after.by_number(253), None);
        assert_eq!((after.number_of("b"), after.by_number(251)), (None, None));
        assert!(things("a c").after(&after).expect("numbers").changed(&before).contains(&253));
    }
}

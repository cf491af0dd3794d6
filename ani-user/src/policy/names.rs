//! What lists and limits are called: by operators, in metrics, and in records.

use std::borrow::Cow;

use ani_ebpf::abi::{counter::Counter, list::MAX_LISTS};

use super::breaker::Stopper;
use crate::{capture::By, config::Config, stir::Outcome};

/// What an operator calls a list or limit: `block`, `per-caller`, its name, or `#7` where there is none
/// of that id any more.
pub fn name_of(config: &Config, who: Stopper) -> Cow<'_, str> {
    let name = match who {
        Stopper::List(id) => config.list.by_number(id).map(|list| &list.name),
        Stopper::Limit(id) => config.limits.named.by_number(id).map(|limit| &limit.name),
    };
    name.map_or_else(|| who.name(), |name| Cow::Borrowed(name))
}

/// The same as records have it: `list:block`, `limit:per-caller`, `list:#7`.
pub fn rule_name(config: &Config, who: Stopper) -> String {
    format!("{}:{}", who.kind(), name_of(config, who))
}

/// The names that records may need, made once for a configuration: no call makes one.
#[derive(Debug)]
pub struct Names {
    lists: [String; MAX_LISTS],
    limits: [String; MAX_LISTS],
    /// Of outcomes, in their order.
    refusals: Vec<String>,
}

impl Names {
    /// Those of a configuration.
    pub fn new(config: &Config) -> Self {
        let all = |of: fn(u8) -> Stopper| {
            // Ids are bytes, and there are as many.
            std::array::from_fn(|id| rule_name(config, of(id as u8)))
        };
        let refusal = |outcome: &Outcome| format!("stir:{}", outcome.as_str());
        Self {
            lists: all(Stopper::List),
            limits: all(Stopper::Limit),
            refusals: Outcome::ALL.iter().map(refusal).collect(),
        }
    }

    /// A list's.
    pub fn list(&self, id: u8) -> &str {
        &self.lists[usize::from(id)]
    }

    /// A limit's.
    pub fn limit(&self, id: u8) -> &str {
        &self.limits[usize::from(id)]
    }

    /// Of what a trunk refuses a call for.
    pub fn refusal(&self, outcome: Outcome) -> Option<&str> {
        self.refusals.get(outcome as usize).map(String::as_str)
    }

    /// What is behind a way out; none where nothing spoke for or against the call.
    pub fn rule(&self, exit: Counter, by: &By) -> Option<&str> {
        match exit {
            Counter::DropBlocked | Counter::PassAllowed | Counter::PassGray => {
                Some(self.list(by.list))
            }
            Counter::DropLimited => Some(self.limit(by.limit)),
            Counter::PassInDialog => Some("in-dialog"),
            Counter::PassPriority => Some("priority"),
            _ => None,
        }
    }

    /// What would have decided otherwise, were it not only observed.
    pub fn observed(&self, by: &By) -> Vec<&str> {
        let list = (by.observed_list != 0).then(|| self.list(by.observed_list));
        let limit = (by.observed_limit != 0).then(|| self.limit(by.observed_limit));
        list.into_iter().chain(limit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_the_name_an_operator_knows_and_who_is_gone_his_id() {
        let parse = |text: &str| Config::parse(text, "test").expect("a configuration");
        let limit = "[[limit]]\nname = 'tight'\ncalls = 1\nwithin = '1m'\nper = ['called']\n";
        let list = |name: &str| format!("[[list]]\nname = '{name}'\naction = 'block'\n");
        let config = parse(&format!("{limit}{}{}", list("spam"), list("feed")));
        let names = Names::new(&config);
        for (id, list, limit) in [
            (0, "list:?", "limit:?"),
            (1, "list:allow", "limit:per-caller"),
            (2, "list:block", "limit:tight"),
            (3, "list:gray", "limit:#3"),
            (4, "list:spam", "limit:#4"),
            (5, "list:feed", "limit:#5"),
            (255, "list:#255", "limit:#255"),
        ] {
            assert_eq!((names.list(id), names.limit(id)), (list, limit));
        }
        let after = parse(&list("feed")).after(&config).expect("numbers");
        let names = Names::new(&after);
        assert_eq!(
            [names.list(4), names.list(5), names.limit(2)],
            ["list:#4", "list:feed", "limit:#2"]
        );
    }

    #[test]
    fn a_rule_is_who_decided_and_observed_who_would_have() {
        let names = Names::new(&Config::default());
        let by = By { list: 3, ranged: true, limit: 1, observed_list: 2, observed_limit: 9 };
        for (exit, rule) in [
            (Counter::DropBlocked, Some("list:gray")),
            (Counter::PassAllowed, Some("list:gray")),
            (Counter::PassGray, Some("list:gray")),
            (Counter::DropLimited, Some("limit:per-caller")),
            (Counter::PassInDialog, Some("in-dialog")),
            (Counter::PassPriority, Some("priority")),
            (Counter::Pass, None),
            (Counter::PassNotPlain, None),
        ] {
            assert_eq!(names.rule(exit, &by), rule, "{exit:?}");
        }
        assert_eq!(names.observed(&by), ["list:block", "limit:#9"]);
        assert_eq!(names.observed(&By { observed_list: 0, ..by }), ["limit:#9"]);
        assert!(names.observed(&By::default()).is_empty());
    }
}

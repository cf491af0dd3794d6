//! Each key, how its difference is shown, and whether a reload takes it.
//!
//! Everything is taken apart without `..`: a field that is new does not compile until it stands here.

use ani_ebpf::abi::trunk::{Orders, TollFree};

use super::{Differ, How, Several, Shown as _, members, order, secret, value};
use crate::{
    config::{
        Answers, Breaker, Capture, Config, Control, Emergency, Hep, Hold, Limits, List, Lists,
        Named, NamedLimit, Redress, Stir, Store, Telemetry, Trunk,
    },
    identity::{Profile, profile::Telling},
};

/// In the order of the sample.
pub(super) fn all(old: &Config, new: &mut Config, to: &mut Differ) {
    let Config {
        capture,
        control,
        store,
        profiles,
        trunks,
        limits,
        lists,
        list,
        hold,
        answers,
        breaker,
        emergency,
        stir,
        telemetry,
    } = new;
    self::capture(&old.capture, capture, to);
    self::control(&old.control, control, to);
    let Store { path } = store;
    to.fixed("store.path", value, &old.store.path, path);
    to.tables(&old.trunks, trunks);
    to.tables(&old.profiles, profiles);
    let Limits { per_caller, named } = limits;
    to.live("limits.per_caller", value, &old.limits.per_caller, per_caller);
    to.tables(&old.limits.named, named);
    let Lists { max_entries, max_limited, max_attempts } = lists;
    to.fixed("lists.max_entries", value, &old.lists.max_entries, max_entries);
    to.fixed("lists.max_limited", value, &old.lists.max_limited, max_limited);
    to.fixed("lists.max_attempts", value, &old.lists.max_attempts, max_attempts);
    to.tables(&old.list, list);
    self::answers(&old.answers, answers, to);
    let Hold { not_plain, deadline, max } = hold;
    to.live("hold.not_plain", value, &old.hold.not_plain, not_plain);
    to.live("hold.deadline", value, &old.hold.deadline, deadline);
    to.live("hold.max", value, &old.hold.max, max);
    let Breaker { enabled, share, callers, rest, max_known } = breaker;
    to.live("breaker.enabled", value, &old.breaker.enabled, enabled);
    to.live("breaker.share", value, &old.breaker.share, share);
    to.live("breaker.callers", value, &old.breaker.callers, callers);
    to.live("breaker.rest", value, &old.breaker.rest, rest);
    to.live("breaker.max_known", value, &old.breaker.max_known, max_known);
    let Emergency { numbers } = emergency;
    to.live("emergency.numbers", members, &old.emergency.numbers, numbers);
    self::stir(&old.stir, stir, to);
    let Telemetry { max_callers } = telemetry;
    to.fixed("telemetry.max_callers", value, &old.telemetry.max_callers, max_callers);
}

fn capture(old: &Capture, new: &mut Capture, to: &mut Differ) {
    let Capture { interfaces, sip_ports, mode, pin, on_exit, ring_bytes, window, hep } = new;
    to.fixed("capture.interfaces", members, &old.interfaces, interfaces);
    to.live("capture.sip_ports", members, &old.sip_ports, sip_ports);
    to.fixed("capture.mode", value, &old.mode, mode);
    to.fixed("capture.pin", value, &old.pin, pin);
    to.fixed("capture.on_exit", value, &old.on_exit, on_exit);
    let bytes = |old: &Option<u32>, new: &Option<u32>| value(&old.unwrap_or(0), &new.unwrap_or(0));
    to.fixed("capture.ring_bytes", bytes, &old.ring_bytes, ring_bytes);
    to.fixed("capture.window", value, &old.window, window);
    let Hep { listen, sources, key } = hep;
    to.fixed("capture.hep", value, &old.hep.listen, listen);
    to.fixed("capture.hep_sources", members, &old.hep.sources, sources);
    to.fixed("capture.hep_key", secret, &old.hep.key, key);
}

fn answers(old: &Answers, new: &mut Answers, to: &mut Differ) {
    let Answers { block, per_caller, per_source, overall, retry_after, redress, card } = new;
    to.live("limits.per_caller.answer", value, &old.per_caller, per_caller);
    to.live("lists.answer", value, &old.block, block);
    to.live("answers.per_source", value, &old.per_source, per_source);
    to.live("answers.overall", value, &old.overall, overall);
    to.live("answers.retry_after", value, &old.retry_after, retry_after);
    let Redress { url, tel, email, location } = redress;
    to.live("answers.redress.url", value, &old.redress.url, url);
    to.live("answers.redress.tel", value, &old.redress.tel, tel);
    to.live("answers.redress.email", value, &old.redress.email, email);
    to.live("answers.redress.location", value, &old.redress.location, location);
    to.live("answers.card", value, &old.card, card);
}

fn control(old: &Control, new: &mut Control, to: &mut Differ) {
    let Control { socket, read_socket, read_group, metrics } = new;
    to.fixed("control.socket", value, &old.socket, socket);
    to.fixed("control.read_socket", value, &old.read_socket, read_socket);
    to.fixed("control.read_group", value, &old.read_group, read_group);
    to.fixed("control.metrics", value, &old.metrics, metrics);
}

fn stir(old: &Stir, new: &mut Stir, to: &mut Differ) {
    let Stir {
        verify,
        anchors,
        crls,
        max_age,
        fetch,
        fetch_crls,
        local,
        roots,
        allow_addresses,
        threads,
        queue,
        max_certificates,
    } = new;
    to.live("stir.verify", value, &old.verify, verify);
    to.fixed("stir.anchors", value, &old.anchors, anchors);
    to.fixed("stir.crls", value, &old.crls, crls);
    to.live("stir.max_age", value, &old.max_age, max_age);
    to.fixed("stir.fetch", value, &old.fetch, fetch);
    to.fixed("stir.fetch_crls", value, &old.fetch_crls, fetch_crls);
    to.fixed("stir.local", value, &old.local, local);
    to.fixed("stir.roots", value, &old.roots, roots);
    to.fixed("stir.allow_addresses", members, &old.allow_addresses, allow_addresses);
    to.fixed("stir.threads", value, &old.threads, threads);
    to.fixed("stir.queue", value, &old.queue, queue);
    to.fixed("stir.max_certificates", value, &old.max_certificates, max_certificates);
}

impl Several for Trunk {
    const TABLE: &'static str = "trunk";

    fn name(&self) -> &str {
        Named::name(self)
    }

    fn summary(&self) -> String {
        let country = self.country.shown();
        let sources: Vec<_> = self.sources.iter().map(super::Shown::shown).collect();
        format!(
            "sources {}; country {country}; profile {}",
            super::named(&sources),
            self.profile.name
        )
    }

    fn differ(&self, old: &Self, to: &mut Differ) {
        // What the kernel has of the orders and of what is told follows from the profile.
        let Self { name: _, sources, country, dial_plan, profile, orders, telling: _, refuse } =
            self;
        to.live("sources", members, &old.sources, sources);
        let Profile { name, about: _, country: _, max_digits: _, ani, ani_toll_free, telling } =
            profile;
        to.live("profile", value, &old.profile.name, name);
        if old.profile.name == *name && old.profile.telling != *telling {
            to.say(Some("profile"), How::Within(name.clone()), false);
        }
        to.live("country", value, &old.country, country);
        to.live("ani", order, &old.profile.ani, ani);
        to.live("ani_toll_free", order, &old.profile.ani_toll_free, ani_toll_free);
        let Orders { usual: _, toll_free: _, toll_free_prefixes } = orders;
        to.live("toll_free", toll_free, &old.orders.toll_free_prefixes, toll_free_prefixes);
        // Whatever else is in the plan follows from the country.
        to.live("max_digits", value, &old.dial_plan.max_digits, &dial_plan.max_digits);
        to.live("refuse", members, &old.refuse.words(), &refuse.words());
        let modes = |old: &bool, new: &bool| words(mode(*old), mode(*new));
        to.live("refuse_mode", modes, &old.refuse.observed, &refuse.observed);
    }
}

fn toll_free(old: &impl AsRef<[TollFree]>, new: &impl AsRef<[TollFree]>) -> How {
    let written = |all: &[TollFree]| -> Vec<TollFree> {
        all.iter().copied().filter(|prefix| *prefix != TollFree::NONE).collect()
    };
    members(&written(old.as_ref()), &written(new.as_ref()))
}

impl Several for Profile {
    const TABLE: &'static str = "profile";

    fn name(&self) -> &str {
        &self.name
    }

    fn summary(&self) -> String {
        self.about.shown()
    }

    fn differ(&self, old: &Self, to: &mut Differ) {
        let Self { name: _, about, country, max_digits, ani, ani_toll_free, telling } = self;
        to.live("about", value, &old.about, about);
        to.live("country", value, &old.country, country);
        to.live("max_digits", value, &old.max_digits, max_digits);
        to.live("ani", order, &old.ani, ani);
        to.live("ani_toll_free", order, &old.ani_toll_free, ani_toll_free);
        let Telling {
            sources,
            verstat,
            verstat_headers,
            level_parameters,
            origination_parameters,
            status_headers,
            level_headers,
            origination_headers,
            bypass_headers,
            tokens,
            absent,
        } = telling;
        let old = &old.telling;
        to.live("attestation", order, &old.sources, sources);
        to.live("verstat", members, &old.verstat, verstat);
        to.live("verstat_headers", order, &old.verstat_headers, verstat_headers);
        for (key, old, new) in [
            ("level_parameters", &old.level_parameters, level_parameters),
            ("origination_parameters", &old.origination_parameters, origination_parameters),
            ("status_headers", &old.status_headers, status_headers),
            ("level_headers", &old.level_headers, level_headers),
            ("origination_headers", &old.origination_headers, origination_headers),
            ("bypass_headers", &old.bypass_headers, bypass_headers),
        ] {
            to.live(key, members, old, new);
        }
        to.live("tokens", members, &old.tokens, tokens);
        to.live("absent", value, &old.absent, absent);
    }
}

impl Several for NamedLimit {
    const TABLE: &'static str = "limit";

    fn name(&self) -> &str {
        Named::name(self)
    }

    fn summary(&self) -> String {
        format!(
            "{} for each {}; callers {}; {}",
            self.rate,
            self.per.words().join(" "),
            callers(self.gray),
            mode(self.observed)
        )
    }

    fn differ(&self, old: &Self, to: &mut Differ) {
        let Self { name: _, rate, per, gray, observed, answer } = self;
        to.live("answer", value, &old.answer, answer);
        to.live("calls", value, &old.rate, rate);
        to.live("per", |old, new| members(&old.words(), &new.words()), &old.per, per);
        to.live("callers", |old, new| words(callers(*old), callers(*new)), &old.gray, gray);
        to.live("mode", |old, new| words(mode(*old), mode(*new)), &old.observed, observed);
    }
}

impl Several for List {
    const TABLE: &'static str = "list";

    fn name(&self) -> &str {
        Named::name(self)
    }

    fn summary(&self) -> String {
        let from = self.file.as_ref().map(|file| format!("; file {}", file.display()));
        format!("{}; {}{}", self.action.as_str(), mode(self.observed), from.unwrap_or_default())
    }

    fn differ(&self, old: &Self, to: &mut Differ) {
        let Self { name: _, action, observed, file, answer } = self;
        to.live("answer", value, &old.answer, answer);
        to.live("action", value, &old.action, action);
        to.live("mode", |old, new| words(mode(*old), mode(*new)), &old.observed, observed);
        to.live("file", value, &old.file, file);
    }
}

fn words(old: &str, new: &str) -> How {
    How::Value { old: old.to_owned(), new: new.to_owned() }
}

const fn callers(gray: bool) -> &'static str {
    if gray { "gray" } else { "all" }
}

const fn mode(observed: bool) -> &'static str {
    if observed { "observe" } else { "enforce" }
}

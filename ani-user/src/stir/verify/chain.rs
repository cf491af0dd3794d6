//! From a PASSporT over diversions to the one who is called (RFC 8946 §4).
//!
//! A diversion follows a PASSporT when both name the same caller and the diverting party is among
//! those the PASSporT is to. One that has the PASSporT before it within it follows that one only.

use super::{MAX_DIVERSIONS, Settings, held::Held, stated::Stated};
use crate::stir::{Call, Class, Judged, Outcome, kind::Kind};

/// Where all PASSporTs of a call stand.
pub(super) struct Chains<'s, 'h> {
    stated: &'s [Result<Stated<'h>, Outcome>],
    ways: Vec<Way>,
    order: Vec<usize>,
    /// What is said of one from which there is no way.
    nowhere: Outcome,
}

/// From a PASSporT to the called party.
#[derive(Clone, Default)]
struct Way {
    /// Whether it is to that party itself.
    here: bool,
    /// The diversions behind it, the next one first.
    over: Vec<usize>,
    /// Whether it is a diversion to which a way leads.
    linked: bool,
    diverts: bool,
}

/// Where one PASSporT stands.
pub(super) struct Place {
    /// Whether it is for this call.
    pub reach: Result<(), Outcome>,
    /// When the one behind it was made; none for the last, which must be fresh now.
    pub measured_by: Option<i64>,
}

impl<'s, 'h> Chains<'s, 'h> {
    /// Finds the shortest way of each.
    pub(super) fn find(
        held: &[Held<'_>],
        stated: &'s [Result<Stated<'h>, Outcome>],
        call: &Call<'_>,
        settings: &Settings,
    ) -> Self {
        let [request, to] = &call.called;
        let here = |stated: &Stated<'_>| {
            !settings.compare_called || stated.is_to(request.iter().chain(to))
        };
        let mut ways = vec![Way::default(); stated.len()];
        for (way, stated) in ways.iter_mut().zip(stated) {
            let Ok(stated) = stated else { continue };
            way.here = here(stated);
            way.diverts = stated.kind.diverts();
        }
        let roots = |ways: &[Way]| -> Vec<usize> {
            let is_root = |at: &usize| stated[*at].is_ok() && !ways[*at].diverts;
            (0..ways.len()).filter(is_root).collect()
        };
        let mut order = Vec::new();
        for root in roots(&ways) {
            // To is left as it was when a call is diverted (RFC 3261 §8.1.1.2).
            let end = |stated: &Stated<'_>| match ways[root].here {
                true => stated.is_to(request),
                false => here(stated),
            };
            if stated[root].as_ref().is_ok_and(end) {
                continue;
            }
            let over = path(root, held, stated, &end);
            for (number, link) in over.iter().enumerate().rev() {
                if !std::mem::replace(&mut ways[*link].linked, true) {
                    ways[*link].over = over[number + 1..].to_vec();
                    order.push(*link);
                }
            }
            ways[root].over = over;
        }
        let rest = (0..ways.len()).filter(|at| ways[*at].diverts && !ways[*at].linked);
        order.extend(rest);
        order.extend(roots(&ways));
        let nowhere = match (call.cut, held.iter().any(|held| held.kind.is_some_and(Kind::diverts)))
        {
            (true, _) => Outcome::CutShort,
            (false, true) => Outcome::DivBroken,
            (false, false) => Outcome::DestMismatch,
        };
        Self { stated, ways, order, nowhere }
    }

    /// The order in which they are judged: a diversion before what it follows.
    pub(super) fn order(&self) -> impl Iterator<Item = usize> + use<> {
        self.order.clone().into_iter()
    }

    /// Where one stands, when all behind it are judged.
    pub(super) fn place(&self, at: usize, passports: &[Judged]) -> Place {
        let way = &self.ways[at];
        let next = way.over.first().and_then(|next| self.stated[*next].as_ref().ok());
        let measured_by = next.map(|next| next.iat);
        if way.diverts {
            let reach = if way.linked { Ok(()) } else { Err(self.nowhere) };
            return Place { reach, measured_by };
        }
        let links = || way.over.iter().map(|link| passports[*link].outcome);
        let unknown = links().find(|outcome| outcome.class() == Class::Unable);
        let failed = links().any(|outcome| outcome.class() == Class::Failed);
        match unknown {
            _ if way.here && (way.over.is_empty() || failed || unknown.is_some()) => {
                Place { reach: Ok(()), measured_by: None }
            }
            _ if way.over.is_empty() => Place { reach: Err(self.nowhere), measured_by: None },
            // What failed measures nothing.
            _ if failed => Place { reach: Err(Outcome::DivBroken), measured_by: None },
            Some(outcome) => Place { reach: Err(outcome), measured_by },
            None => Place { reach: Ok(()), measured_by },
        }
    }
}

/// The diversions from a PASSporT to the end, the first one first; empty when there are none that lead
/// there. Each is looked at once: the way is a shortest one.
fn path(
    root: usize,
    held: &[Held<'_>],
    stated: &[Result<Stated<'_>, Outcome>],
    end: &dyn Fn(&Stated<'_>) -> bool,
) -> Vec<usize> {
    let mut before: Vec<Option<usize>> = vec![None; stated.len()];
    let mut reached = vec![root];
    for _ in 0..MAX_DIVERSIONS {
        let mut next = Vec::new();
        for from in reached {
            let Ok(one) = &stated[from] else { continue };
            for (at, other) in stated.iter().enumerate() {
                let Ok(other) = other else { continue };
                if before[at].is_some() || !follows(from, one, at, other, held) {
                    continue;
                }
                before[at] = Some(from);
                if end(other) {
                    let back = std::iter::successors(Some(at), |at| before[*at]);
                    let mut path: Vec<_> = back.take_while(|at| *at != root).collect();
                    path.reverse();
                    return path;
                }
                next.push(at);
            }
        }
        reached = next;
    }
    Vec::new()
}

fn follows(
    from: usize,
    one: &Stated<'_>,
    at: usize,
    other: &Stated<'_>,
    held: &[Held<'_>],
) -> bool {
    let Some(div) = &other.div else { return false };
    let within = held[from].within;
    let apart = within.is_none() && other.kind != Kind::DivO;
    (apart || within == Some(at)) && one.orig == other.orig && one.dests.contains(div)
}

//! What is done to verify a call, told as it is done.

use std::fmt;

use super::Outcome;

/// One step of a verification.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// Which PASSporT it is about, from 1.
    pub passport: usize,
    /// What is looked at: a stable word.
    pub name: &'static str,
    /// What it came to; none where all is well.
    pub outcome: Option<Outcome>,
    /// What was seen.
    pub seen: fmt::Arguments<'a>,
}

/// Is told each step.
pub trait Steps {
    /// A step was done.
    fn step(&mut self, step: &Step<'_>);
}

/// For calls nobody watches.
impl Steps for () {
    #[inline]
    fn step(&mut self, _: &Step<'_>) {}
}

/// Tells the steps of one PASSporT.
pub(super) struct Teller<'s> {
    steps: &'s mut dyn Steps,
    passport: usize,
}

impl<'s> Teller<'s> {
    /// `at` counts from 0.
    pub(super) fn new(steps: &'s mut dyn Steps, at: usize) -> Self {
        Self { steps, passport: at + 1 }
    }

    /// All is well with it.
    pub(super) fn well(&mut self, name: &'static str, seen: fmt::Arguments<'_>) {
        self.steps.step(&Step { passport: self.passport, name, outcome: None, seen });
    }

    /// Something is not.
    pub(super) fn found(
        &mut self,
        name: &'static str,
        outcome: Outcome,
        seen: fmt::Arguments<'_>,
    ) -> Outcome {
        self.steps.step(&Step { passport: self.passport, name, outcome: Some(outcome), seen });
        outcome
    }
}

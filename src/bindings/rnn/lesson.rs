//! Lessons: what rules are handed, read from Python, and one lesson run.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyMapping;

use super::loss::Loss;
use super::network::Held;
use super::rule::{Rule, Ruled};
use crate::bindings::arrays::{self, Number, in_order, read};
use crate::error::Error;
use crate::monitor::Stop;
use crate::numerics::parallel::Threads;
use crate::rnn::batch::{Batch, is_worth_sharing, work};
use crate::rnn::perturbation::Perturbation;
use crate::rnn::regularization::Regularization;
use crate::rnn::rules::{Learned, Lesson, Rule as CoreRule, Signals};

/// How much a lesson is.
#[derive(Clone, Copy)]
pub struct Extent {
    /// Whether it may take so long that someone wants to stop it; a thread of its own costs some 50 µs.
    pub is_long: bool,
    /// Whether threads share it.
    pub is_shared: bool,
}

/// How much a lesson of these trials, steps and inputs is.
pub fn extent<R: Number>(held: &Held<R>, rule: &Rule, [n_trials, n_steps, _]: [usize; 3]) -> Extent {
    let most: usize = if rule.is_slow() { 1 << 18 } else { 1 << 28 };
    let work = work(&held.network, n_trials, n_steps);
    Extent { is_long: work > most, is_shared: is_worth_sharing(work) }
}

/// What a lesson is made of, apart from network, rule and loss.
pub struct Asked<'a, R> {
    pub inputs: &'a [R],
    pub shape: [usize; 3],
    pub initial: &'a [(&'a str, &'a [R])],
    pub seed: Option<u64>,
    pub regularization: &'a Regularization,
    /// Whether the rule must be afterwards what it was before.
    pub only_looks: bool,
    /// Asked to stop, the lesson ends early, with an error.
    pub stop: Stop,
}

/// One lesson, on the calling thread and those it is given.
pub fn learn<R: Ruled>(
    held: &mut Held<R>,
    rule: &Rule,
    loss: &mut Loss<R>,
    asked: &Asked<'_, R>,
    threads: &Threads,
) -> crate::error::Result<Learned<R>> {
    in_lesson(held, rule, loss, asked, threads, |rule, lesson| rule.learn(lesson))
}

/// What a rule predicts of gradients in one lesson.
pub fn signals<R: Ruled>(
    held: &mut Held<R>,
    rule: &Rule,
    loss: &mut Loss<R>,
    asked: &Asked<'_, R>,
    threads: &Threads,
) -> crate::error::Result<Signals<R>> {
    let found = in_lesson(held, rule, loss, asked, threads, |rule, lesson| rule.signals(lesson))?;
    found.ok_or_else(|| Error::value("rule", "one that predicts no gradients", "SyntheticGradient"))
}

fn in_lesson<R: Ruled, O>(
    held: &mut Held<R>,
    rule: &Rule,
    loss: &mut Loss<R>,
    asked: &Asked<'_, R>,
    threads: &Threads,
    what: impl FnOnce(&mut dyn CoreRule<R>, &mut Lesson<'_, R>) -> crate::error::Result<O>,
) -> crate::error::Result<O> {
    let Held { network, workspace } = held;
    let perturbation = Perturbation::default();
    let batch = Batch {
        inputs: asked.inputs,
        n_trials: asked.shape[0],
        n_steps: asked.shape[1],
        initial: asked.initial,
        perturbation: &perturbation,
        seed: asked.seed,
    };
    batch.check(network)?;
    let threads = &batch.threads(network, threads);
    let seed = rule.seed_in(asked.seed.unwrap_or(0));
    workspace.stop = asked.stop.clone();
    let lesson = |rule: &mut dyn CoreRule<R>| {
        rule.admits(network)?;
        let targets = if rule.changes_weights_itself() { loss.observed() } else { None };
        let mut lesson = Lesson {
            network,
            batch,
            objective: loss,
            targets: targets.as_deref(),
            regularization: asked.regularization,
            seed,
            threads,
            workspace,
        };
        what(rule, &mut lesson)
    };
    let learned = if asked.only_looks { rule.with_unchanged(lesson) } else { rule.with(lesson) };
    // Whatever an early end has left behind is not an answer.
    if asked.stop.is_asked() { Err(Error::Interrupted) } else { learned }
}

/// Inputs, trials × steps × inputs, and their shape.
pub fn trials<R: Number>(inputs: &Bound<'_, PyAny>) -> PyResult<([usize; 3], Vec<R>)> {
    let (shape, values) = in_order(&read("inputs", inputs)?);
    let shape: [usize; 3] = shape.try_into().map_err(|got| {
        PyValueError::new_err(format!("inputs has shape {got:?}, expected (trials, steps, inputs)"))
    })?;
    Ok((shape, values))
}

/// The state in which trials begin, by its variables; empty: the network's own.
pub fn initial<R: Number>(given: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<(String, Vec<R>)>> {
    let Some(given) = given else { return Ok(Vec::new()) };
    let rows = arrays::parameters::<R>("initial_state", given)?;
    Ok(rows.iter().map(|entry| (entry.name.clone(), entry.values.clone())).collect())
}

/// As the core takes it.
pub fn named<R>(initial: &[(String, Vec<R>)]) -> Vec<(&str, &[R])> {
    initial.iter().map(|(name, values)| (name.as_str(), &values[..])).collect()
}

/// Strengths of costs by name.
pub fn costs(given: &Bound<'_, PyMapping>) -> PyResult<Regularization> {
    let mut costs = Regularization::default();
    for item in given.items()?.iter() {
        let (name, value): (String, Bound<'_, PyAny>) = item.extract()?;
        match name.as_str() {
            "activity_l2" => costs.activity_l2 = value.extract()?,
            "activity_l1" => costs.activity_l1 = value.extract()?,
            "weight_l2" => costs.weight_l2 = value.extract()?,
            "weight_l1" => costs.weight_l1 = value.extract()?,
            "rate_target" => (costs.rate, costs.target_rate) = value.extract()?,
            _ => return Err(PyTypeError::new_err(format!("regularization has no {name:?}"))),
        }
    }
    Ok(costs)
}

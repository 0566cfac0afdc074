//! One batch of training, for one network or many side by side.

use std::sync::{Arc, Mutex};

use pyo3::exceptions::{PyFloatingPointError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyMapping;

use super::lesson::{Asked, costs, extent, initial, learn, named, trials};
use super::loss::Loss;
use super::network::{Held, Network, Shared};
use super::optimizer::{self, Optimized, Optimizer};
use super::rule::{Rule, Ruled};
use crate::bindings::call::{call, stoppable_call, translated};
use crate::bindings::precision::{Either, lock};
use crate::error::{Error, Result};
use crate::monitor::Stop;
use crate::network::parameters::Parameters;
use crate::numerics::parallel::Threads;
use crate::rnn::regularization::Regularization;
use crate::rnn::rules::Learned;

/// One network's share of a step.
struct Task<'a, R> {
    held: Arc<Mutex<Held<R>>>,
    rule: &'a Rule,
    optimizer: Arc<Mutex<optimizer::Held>>,
    inputs: Vec<R>,
    shape: [usize; 3],
    loss: Mutex<Loss<R>>,
    initial: Vec<(String, Vec<R>)>,
    seed: u64,
}

/// Inputs, loss, and the state in which the trials begin, if not the network's own.
type Given<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Option<Bound<'py, PyAny>>);

#[pyfunction]
#[pyo3(signature = (networks, rules, optimizers, batches, seeds, *, regularization, n_threads))]
#[allow(clippy::too_many_arguments, reason = "one per argument")]
pub fn train_step<'py>(
    py: Python<'py>,
    networks: Vec<Bound<'py, Network>>,
    rules: Vec<Bound<'py, Rule>>,
    optimizers: Vec<Bound<'py, Optimizer>>,
    batches: Vec<Given<'py>>,
    seeds: Vec<u64>,
    regularization: &Bound<'py, PyMapping>,
    n_threads: Option<usize>,
) -> PyResult<Vec<(f64, f64)>> {
    let n = networks.len();
    for (name, length) in [
        ("rules", rules.len()),
        ("optimizers", optimizers.len()),
        ("batches", batches.len()),
        ("seeds", seeds.len()),
    ] {
        if length != n {
            return Err(PyValueError::new_err(format!(
                "{name} has {length} items, expected {n}: one per network"
            )));
        }
    }
    apart("networks", networks.iter().map(|network| address(&network.get().held)))?;
    apart("rules", rules.iter().map(|rule| Arc::as_ptr(&rule.get().held) as usize))?;
    apart("optimizers", optimizers.iter().map(|optimizer| Arc::as_ptr(&optimizer.get().held) as usize))?;
    let costs = costs(regularization)?;
    let (mut single, mut double) = (Vec::new(), Vec::new());
    let mut order = Vec::with_capacity(n);
    for (index, network) in networks.iter().enumerate() {
        let parts = (&rules[index], &optimizers[index], &batches[index], seeds[index]);
        match &network.get().held {
            Either::Single(held) => {
                order.push((true, single.len()));
                single.push(task(py, held.clone(), parts)?);
            }
            Either::Double(held) => {
                order.push((false, double.len()));
                double.push(task(py, held.clone(), parts)?);
            }
        }
    }
    if !(single.is_empty() || double.is_empty()) {
        return Err(PyTypeError::new_err("networks are of two precisions, expected one: train them apart"));
    }
    let found = if double.is_empty() {
        step(py, &single, &costs, n_threads)?
    } else {
        step(py, &double, &costs, n_threads)?
    };
    Ok(order.into_iter().map(|(_, place)| found[place]).collect())
}

type Parts<'a, 'py> = (&'a Bound<'py, Rule>, &'a Bound<'py, Optimizer>, &'a Given<'py>, u64);

fn task<'a, R: Ruled>(
    py: Python<'_>,
    held: Arc<Mutex<Held<R>>>,
    (rule, optimizer, (inputs, loss, first), seed): Parts<'a, '_>,
) -> PyResult<Task<'a, R>> {
    let (shape, inputs) = trials(inputs)?;
    let n_outputs = call(py, || Ok(lock(&held).network.structure().n_outputs))?;
    let loss = Mutex::new(Loss::read(loss, [shape[0], shape[1], n_outputs])?);
    let initial = initial(first.as_ref())?;
    let (rule, optimizer) = (rule.get(), optimizer.get().held.clone());
    Ok(Task { held, rule, optimizer, inputs, shape, loss, initial, seed })
}

/// Lessons first, all of them; weights change only if each came to a finite end.
fn step<R: Ruled + Optimized>(
    py: Python<'_>,
    tasks: &[Task<'_, R>],
    costs: &Regularization,
    n_threads: Option<usize>,
) -> PyResult<Vec<(f64, f64)>> {
    let threads = call(py, || Threads::new(n_threads))?;
    // A loss that is a Python function is asked on this thread.
    let side_by_side = tasks.iter().all(|task| !lock(&task.loss).is_own());
    let outer = if side_by_side { threads.clone() } else { Threads::one() };
    let extents = call(py, || {
        Ok(tasks.iter().map(|task| extent(&lock(&task.held), task.rule, task.shape)).collect::<Vec<_>>())
    })?;
    let takes_long = side_by_side && extents.iter().any(|extent| extent.is_long);
    // One wish to stop for all of them.
    let stop = Stop::default();
    // Enough networks to keep all threads busy: each stays on one.
    let inner = if tasks.len() >= 2 * threads.count() { Threads::one() } else { threads.clone() };
    let kernel = || Ok(outer.map(tasks.len(), |index| lesson(&tasks[index], costs, &stop, &inner)));
    let lessons = if takes_long { stoppable_call(py, &stop, kernel)? } else { call(py, kernel)? };
    let mut learned = Vec::with_capacity(tasks.len());
    for (index, (task, lesson)) in tasks.iter().zip(lessons).enumerate() {
        if let Some(exception) = lock(&task.loss).exception() {
            return Err(exception);
        }
        learned.push(lesson.map_err(|error| numbered(py, index, &error))?);
    }
    let steps = call(py, || Ok(threads.map(tasks.len(), |index| follow(&tasks[index], &learned[index]))))?;
    if tasks.len() > 1 || extents.iter().any(|extent| extent.is_shared) {
        threads.stay_awake();
    }
    steps
        .into_iter()
        .zip(&learned)
        .enumerate()
        .map(|(index, (norm, learned))| {
            norm.map(|norm| (learned.loss, norm)).map_err(|error| numbered(py, index, &error))
        })
        .collect()
}

fn lesson<R: Ruled>(
    task: &Task<'_, R>,
    costs: &Regularization,
    stop: &Stop,
    threads: &Threads,
) -> Result<Learned<R>> {
    let mut held = lock(&task.held);
    let initial = named(&task.initial);
    let asked = Asked {
        inputs: &task.inputs,
        shape: task.shape,
        initial: &initial,
        seed: Some(task.seed),
        regularization: costs,
        only_looks: false,
        stop: stop.clone(),
    };
    let learned = learn(&mut held, task.rule, &mut lock(&task.loss), &asked, threads)?;
    if !learned.loss.is_finite() {
        return Err(Error::Diverged { what: "the loss", place: String::new() });
    }
    if !(learned.gradient.all_finite() && learned.own.all_finite()) {
        return Err(Error::Diverged { what: "the gradient", place: String::new() });
    }
    Ok(learned)
}

/// Changes the weights; the length of the gradient before clipping.
fn follow<R: Ruled + Optimized>(task: &Task<'_, R>, learned: &Learned<R>) -> Result<f64> {
    let mut held = lock(&task.held);
    let before = held.network.parameters().clone();
    let norm = task.rule.with(|rule| {
        if rule.changes_weights_itself() {
            for (parameter, change) in held.network.parameters_mut().iter_mut().zip(learned.gradient.iter()) {
                for (value, &change) in parameter.values.iter_mut().zip(&change.values) {
                    *value -= change;
                }
            }
            return Ok(learned.gradient.squared_norm().sqrt());
        }
        let mut optimizer = lock(&task.optimizer);
        let optimizer = <R as Optimized>::held(&mut optimizer)?;
        let mut none = Parameters::new();
        let own = rule.own().unwrap_or(&mut none);
        optimizer.step(&mut [(held.network.parameters_mut(), &learned.gradient), (own, &learned.own)])
    })?;
    if !held.network.parameters().all_finite() {
        *held.network.parameters_mut() = before;
        return Err(Error::Diverged { what: "a weight after the update", place: String::new() });
    }
    held.network.constrain();
    Ok(norm)
}

fn numbered(py: Python<'_>, index: usize, error: &Error) -> PyErr {
    match error {
        Error::Diverged { .. } => PyFloatingPointError::new_err(format!("network {index}: {error}")),
        _ => translated(py, error),
    }
}

fn address(held: &Shared) -> usize {
    match held {
        Either::Single(held) => Arc::as_ptr(held) as usize,
        Either::Double(held) => Arc::as_ptr(held) as usize,
    }
}

/// Two shares with one lock would wait for each other.
fn apart(argument: &str, addresses: impl Iterator<Item = usize>) -> PyResult<()> {
    let mut seen = std::collections::BTreeSet::new();
    for address in addresses {
        if !seen.insert(address) {
            return Err(PyValueError::new_err(format!(
                "{argument} has one item twice, expected one for each network"
            )));
        }
    }
    Ok(())
}

//! A recurrent cortex whose pre-activation receives a bias from a feed-forward cerebellum at every step.
//!
//! ```text
//! s_t = W_x x_t + W_h h_{t−1} + b
//! ξ_t = [h_{t−1}; x_t],   g_t = max(0, W_gc ξ_t + b_gc),   p_t = max(0, W_pc g_t + b_pc),   c_t = W_dcn p_t + b_dcn
//! β_t = c_t min(1, κ ‖s_t‖ / ‖c_t‖)                      for each trial; zero at the steps of a lesion
//! h_t = (1 − 1/τ) h_{t−1} + (1/τ) f(s_t + β_t),   f(a) = a where a > 0, else ℓ a;   h_0 = 0
//! y_t = W_out h_t + b_out
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | x, y | `inputs`, `outputs` | (trials, steps, inputs), (trials, steps, outputs) |
//! | h, β | `states`, `bias` | (trials, steps, units) |
//! | ξ, g, p, c | mossy fibres, granule cells, Purkinje cells, nuclei | inputs + units, granule, purkinje, units |
//! | W_x, W_h, b | `core` | |
//! | W_out, b_out | `readout` | |
//! | W_gc, b_gc, W_pc, b_pc, W_dcn, b_dcn | `cerebellum`; none in a network without | |
//! | τ, ℓ, κ | `tau`, `leak`, `bound` | |
//!
//! Voce, Giannakakis and Clopath 2026, arXiv 2605.10356 (CB-RNN). The gradient is exact through all of it, the bound on the
//! norm of β among it, and is that of back-propagation through time. Departures: connections may be absent (masks), which
//! the paper's are not; the gradient goes through both norms of the bound.

use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::real::Real;

mod adjoint;
mod batch;
mod passage;
pub mod training;

pub use batch::{Batch, Run, Trials, run};

/// What is not learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Time constant in steps, at least 1.
    pub tau: f64,
    /// Slope below zero.
    pub leak: f64,
    /// Largest norm of the bias, as a multiple of that of the pre-activation.
    pub bound: f64,
}

/// Numbers of units; a network without a cerebellum has no granule and no Purkinje cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Input channels.
    pub inputs: usize,
    /// Cortical units.
    pub units: usize,
    /// Output channels.
    pub outputs: usize,
    /// Granule cells.
    pub granule: usize,
    /// Purkinje cells.
    pub purkinje: usize,
}

/// Weights that learn together or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The recurrent cortex.
    Core,
    /// The answer.
    Readout,
    /// All of the cerebellum.
    Cerebellum,
}

/// All of them, in the order of a network's parts.
pub const GROUPS: [Group; 3] = [Group::Core, Group::Readout, Group::Cerebellum];

/// A network.
#[derive(Debug, Clone, PartialEq)]
pub struct CerebellarBias<R> {
    /// Numbers of units.
    pub sizes: Sizes,
    /// What is not learned.
    pub settings: Settings,
    parts: [Parameters<R>; 3],
    /// 1 where a connection exists and 0 elsewhere, for some of the arrays.
    masks: Parameters<R>,
}

/// Names and shapes of a group's arrays.
fn layout(group: Group, sizes: Sizes) -> Vec<(&'static str, Vec<usize>)> {
    let Sizes { inputs, units, outputs, granule, purkinje } = sizes;
    match group {
        Group::Core => vec![("W_x", vec![units, inputs]), ("W_h", vec![units, units]), ("b", vec![units])],
        Group::Readout => vec![("W_out", vec![outputs, units]), ("b_out", vec![outputs])],
        Group::Cerebellum if granule == 0 => Vec::new(),
        Group::Cerebellum => vec![
            ("W_gc", vec![granule, units + inputs]),
            ("b_gc", vec![granule]),
            ("W_pc", vec![purkinje, granule]),
            ("b_pc", vec![purkinje]),
            ("W_dcn", vec![units, purkinje]),
            ("b_dcn", vec![units]),
        ],
    }
}

impl<R: Real> CerebellarBias<R> {
    /// A network of these weights, and of masks for some of them.
    pub fn new(given: &Parameters<R>, masks: Parameters<R>, settings: Settings) -> Result<Self> {
        let Settings { tau, leak, bound } = settings;
        if !(tau.is_finite() && tau >= 1.0) {
            return Err(Error::value("tau", tau, "a finite number of steps, at least 1"));
        }
        if !leak.is_finite() {
            return Err(Error::value("leak", leak, "a finite number"));
        }
        if !(bound.is_finite() && bound >= 0.0) {
            return Err(Error::value("bound", bound, "a finite number that is not negative"));
        }
        let sizes = sizes(given)?;
        let mut parts = [Parameters::new(), Parameters::new(), Parameters::new()];
        for (part, group) in parts.iter_mut().zip(GROUPS) {
            for (name, shape) in layout(group, sizes) {
                let values = given.get(name).filter(|array| array.shape == shape);
                let Some(array) = values else { return Err(misfit(given, name, &shape)) };
                if array.values.iter().any(|value| !value.to_f64().is_finite()) {
                    return Err(Error::value(
                        "parameters",
                        format!("not finite in {name}"),
                        "finite numbers",
                    ));
                }
                part.push(name, &shape, array.values.clone())?;
            }
        }
        let known: usize = parts.iter().map(Parameters::len).sum();
        if known != given.len() {
            let got: Vec<_> = given.iter().map(|array| array.name.as_str()).collect();
            let expected =
                "W_x, W_h, b, W_out, b_out, and W_gc, b_gc, W_pc, b_pc, W_dcn, b_dcn or none of these";
            return Err(Error::value("parameters", got.join(", "), expected));
        }
        for mask in &masks {
            let target = parts.iter().find_map(|part| part.get(&mask.name));
            if target.is_none_or(|target| target.shape != mask.shape) {
                let expected = "the name and shape of one of the parameters";
                return Err(Error::value("masks", format!("{} {:?}", mask.name, mask.shape), expected));
            }
        }
        let mut network = Self { sizes, settings, parts, masks };
        for group in GROUPS {
            let part = &mut network.parts[group as usize];
            multiply(part, &network.masks);
        }
        Ok(network)
    }

    /// The arrays of a group.
    pub fn part(&self, group: Group) -> &Parameters<R> {
        &self.parts[group as usize]
    }

    /// The arrays of a group, to be changed.
    pub fn part_mut(&mut self, group: Group) -> &mut Parameters<R> {
        &mut self.parts[group as usize]
    }

    /// Whether there is a cerebellum.
    pub fn has_cerebellum(&self) -> bool {
        self.sizes.granule > 0
    }

    /// All arrays.
    pub fn parameters(&self) -> Result<Parameters<R>> {
        let mut all = Parameters::new();
        for array in self.parts.iter().flat_map(Parameters::iter) {
            all.push(&array.name, &array.shape, array.values.clone())?;
        }
        Ok(all)
    }

    /// Zeroes of a gradient where there is no connection.
    fn mask(&self, gradient: &mut Parameters<R>) {
        multiply(gradient, &self.masks);
    }

    /// The values of an array; empty without it.
    fn values(&self, name: &str) -> &[R] {
        self.parts.iter().find_map(|part| part.values(name)).unwrap_or_default()
    }
}

/// Multiplies arrays by the masks of their names.
fn multiply<R: Real>(part: &mut Parameters<R>, masks: &Parameters<R>) {
    for array in part.iter_mut() {
        if let Some(mask) = masks.values(&array.name) {
            array.values.iter_mut().zip(mask).for_each(|(value, &mask)| *value *= mask);
        }
    }
}

/// Numbers of units as the arrays tell them.
fn sizes<R: Real>(given: &Parameters<R>) -> Result<Sizes> {
    let matrix = |name: &'static str| match given.get(name) {
        None => Ok(None),
        Some(array) => match array.shape[..] {
            [rows, columns] if rows > 0 && columns > 0 => Ok(Some((rows, columns))),
            _ => Err(Error::shape("parameters", &array.shape, format!("{name} with two axes, none empty"))),
        },
    };
    let needed = |name| matrix(name)?.ok_or_else(|| misfit(given, name, &[]));
    let (units, inputs) = needed("W_x")?;
    let (outputs, _) = needed("W_out")?;
    let (purkinje, granule) = if given.get("W_gc").is_some() { needed("W_pc")? } else { (0, 0) };
    Ok(Sizes { inputs, units, outputs, granule, purkinje })
}

#[cold]
fn misfit<R: Real>(given: &Parameters<R>, name: &str, shape: &[usize]) -> Error {
    let got = given.get(name).map_or_else(|| format!("without {name}"), |a| format!("{name} {:?}", a.shape));
    let wanted = if shape.is_empty() { String::new() } else { format!(" of shape {shape:?}") };
    Error::value("parameters", got, format!("{name}{wanted}"))
}

#[cfg(test)]
mod tests;

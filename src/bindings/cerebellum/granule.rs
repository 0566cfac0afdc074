//! A granule layer. It never changes, so that calls share it without a lock.

use std::sync::Arc;

use numpy::{PyArray2, PyArrayMethods, PyReadonlyArray2};
use pyo3::prelude::*;

use super::unknown;
use crate::bindings::arrays::{Number, array, in_order, read};
use crate::bindings::call::{call, stoppable_call, translated};
use crate::bindings::precision::{Either, in_either};
use crate::cerebellum::granule::{
    Activation, Golgi, GranuleLayer as CoreLayer, Inhibition, Parts, Pathway, Scope, Shape, TemporalBasis,
    wiring,
};
use crate::error::{Error, Result};
use crate::monitor::Stop;
use crate::numerics::parallel::Threads;
use crate::numerics::room::room;
use crate::real::Real;

/// In either precision.
pub type Shared = Either<Arc<CoreLayer<f32>>, Arc<CoreLayer<f64>>>;

/// Wiring, weights, thresholds and inhibition of a granule layer.
#[pyclass(module = "fastigial._core", frozen)]
pub struct GranuleLayer {
    pub layer: Shared,
}

/// What a layer is, apart from its arrays.
struct Words {
    n_mossy: usize,
    activation: Activation,
    golgi: Option<Golgi>,
    basis: Option<TemporalBasis>,
}

#[pymethods]
impl GranuleLayer {
    /// `golgi` is pathway, inhibition and gain; `basis` is a shape and time constants in steps.
    #[new]
    #[pyo3(signature = (sources, weights, thresholds, *, n_mossy, activation, golgi, basis))]
    #[allow(clippy::too_many_arguments, reason = "one per keyword")]
    fn new(
        sources: PyReadonlyArray2<'_, u32>,
        weights: &Bound<'_, PyAny>,
        thresholds: &Bound<'_, PyAny>,
        n_mossy: usize,
        activation: &str,
        golgi: Option<(String, String, f64)>,
        basis: Option<(String, Vec<f64>)>,
    ) -> PyResult<Self> {
        let words = Words {
            n_mossy,
            activation: match activation {
                "relu" => Activation::Relu,
                "binary" => Activation::Binary,
                _ => return Err(unknown("activation", activation, "relu or binary")),
            },
            golgi: golgi
                .map(|(pathway, inhibition, gain)| inhibition_of(&pathway, &inhibition, gain))
                .transpose()?,
            basis: basis.map(|(shape, taus)| filters(weights.py(), &shape, &taus)).transpose()?,
        };
        let sources = sources.as_array().iter().copied().collect();
        let layer = if read::<f32>("weights", weights).is_ok() {
            Either::Single(build(words, sources, weights, thresholds)?)
        } else {
            Either::Double(build(words, sources, weights, thresholds)?)
        };
        Ok(Self { layer })
    }

    #[getter]
    fn n_features(&self) -> usize {
        in_either!(&self.layer, layer => layer.n_features())
    }

    /// Features (trials, steps, n_features) of mossy activity (trials, steps, n_mossy).
    fn features<'py>(
        &self,
        py: Python<'py>,
        mossy: &Bound<'py, PyAny>,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        in_either!(&self.layer, layer => {
            let (shape, mossy) = trials(layer, mossy)?;
            let [n_trials, n_steps, _] = shape;
            let stop = Stop::default();
            let out = stoppable_call(py, &stop, || {
                let mut out = rows(layer, n_trials, n_steps)?;
                layer.features(&mossy, n_steps, &mut out, &Threads::new(n_threads)?, &stop)?;
                Ok(out)
            })?;
            Ok(array(py, &[n_trials, n_steps, layer.n_features()], out).into_any())
        })
    }

    /// What Golgi cells do to each step, (trials, steps).
    fn inhibition<'py>(
        &self,
        py: Python<'py>,
        mossy: &Bound<'py, PyAny>,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        in_either!(&self.layer, layer => {
            let (shape, mossy) = trials(layer, mossy)?;
            let stop = Stop::default();
            let kernel = || layer.inhibition(&mossy, &Threads::new(n_threads)?, &stop);
            let found = stoppable_call(py, &stop, kernel)?;
            Ok(array(py, &shape[..2], found).into_any())
        })
    }

    /// Thresholds for a coding level, and whether they came into balance with feedback.
    fn calibrate<'py>(
        &self,
        py: Python<'py>,
        mossy: &Bound<'py, PyAny>,
        coding_level: f64,
        per_cell: bool,
        n_threads: Option<usize>,
    ) -> PyResult<(Bound<'py, PyAny>, bool)> {
        let scope = if per_cell { Scope::Cell } else { Scope::Layer };
        in_either!(&self.layer, layer => {
            let (_, mossy) = trials(layer, mossy)?;
            let stop = Stop::default();
            let kernel = || layer.calibrate(&mossy, coding_level, scope, &Threads::new(n_threads)?, &stop);
            let found = stoppable_call(py, &stop, kernel)?;
            let n_granule = layer.n_granule();
            Ok((array(py, &[n_granule], found.thresholds).into_any(), found.balanced))
        })
    }
}

fn build<R: Number>(
    words: Words,
    sources: Vec<u32>,
    weights: &Bound<'_, PyAny>,
    thresholds: &Bound<'_, PyAny>,
) -> PyResult<Arc<CoreLayer<R>>> {
    let Words { n_mossy, activation, golgi, basis } = words;
    let (_, own_weights) = in_order(&read::<R>("weights", weights)?);
    let (_, thresholds) = in_order(&read::<R>("thresholds", thresholds)?);
    let parts = Parts { n_mossy, sources, weights: own_weights, thresholds, activation, golgi, basis };
    call(weights.py(), || CoreLayer::new(parts)).map(Arc::new)
}

fn inhibition_of(pathway: &str, inhibition: &str, gain: f64) -> PyResult<Golgi> {
    let pathway = match pathway {
        "feedforward" => Pathway::FeedForward,
        "feedback" => Pathway::Feedback,
        _ => return Err(unknown("golgi", pathway, "feedforward or feedback")),
    };
    let inhibition = match inhibition {
        "subtractive" => Inhibition::Subtractive,
        "divisive" => Inhibition::Divisive,
        _ => return Err(unknown("inhibition", inhibition, "subtractive or divisive")),
    };
    Ok(Golgi { pathway, inhibition, gain })
}

fn filters(py: Python<'_>, shape: &str, taus: &[f64]) -> PyResult<TemporalBasis> {
    let shape = match shape {
        "exponential" => Shape::Exponential,
        "alpha" => Shape::Alpha,
        _ => return Err(unknown("basis", shape, "exponential or alpha")),
    };
    TemporalBasis::new(shape, taus).map_err(|error| translated(py, &error))
}

/// Mossy activity (trials, steps, n_mossy), and its shape.
fn trials<R: Number>(layer: &CoreLayer<R>, mossy: &Bound<'_, PyAny>) -> PyResult<([usize; 3], Vec<R>)> {
    let (shape, values) = in_order(&read::<R>("mossy", mossy)?);
    match shape[..] {
        [n_trials, n_steps, n_mossy] if n_mossy == layer.n_mossy() => {
            Ok(([n_trials, n_steps, n_mossy], values))
        }
        _ => {
            let expected = format!("(trials, time, {})", layer.n_mossy());
            Err(translated(mossy.py(), &Error::shape("mossy", &shape, expected)))
        }
    }
}

/// Room for features (trials, steps, n_features). Pages are first written by the threads that fill them.
fn rows<R: Real>(layer: &CoreLayer<R>, n_trials: usize, n_steps: usize) -> Result<Vec<R>> {
    room(&[n_trials, n_steps, layer.n_features()], R::ZERO)
}

/// K different mossy fibres for each cell, (n_granule, n_inputs).
#[pyfunction]
#[pyo3(signature = (n_mossy, n_granule, n_inputs, *, seed))]
pub fn random_wiring(
    py: Python<'_>,
    n_mossy: usize,
    n_granule: usize,
    n_inputs: usize,
    seed: u64,
) -> PyResult<Bound<'_, PyArray2<u32>>> {
    let found = call(py, || wiring::random(n_mossy, n_granule, n_inputs, seed, &Threads::new(None)?))?;
    table(py, found, n_granule, n_inputs)
}

/// The mossy fibres whose distance from each cell is closest to `length`, (n_granule, n_inputs).
#[pyfunction]
#[pyo3(signature = (mossy, granule, n_inputs, *, length))]
pub fn local_wiring<'py>(
    py: Python<'py>,
    mossy: PyReadonlyArray2<'py, f64>,
    granule: PyReadonlyArray2<'py, f64>,
    n_inputs: usize,
    length: f64,
) -> PyResult<Bound<'py, PyArray2<u32>>> {
    let (mossy, granule) = (mossy.as_array(), granule.as_array());
    let (n_granule, n_dimensions) = granule.dim();
    if mossy.ncols() != n_dimensions {
        let expected = format!("positions in {n_dimensions} dimensions");
        return Err(translated(py, &Error::shape("mossy", &[mossy.nrows(), mossy.ncols()], expected)));
    }
    let points = |array: ndarray::ArrayView2<'_, f64>| array.iter().copied().collect::<Vec<f64>>();
    let (mossy, granule) = (points(mossy), points(granule));
    let found =
        call(py, || wiring::local(&mossy, &granule, n_dimensions, n_inputs, length, &Threads::new(None)?))?;
    table(py, found, n_granule, n_inputs)
}

fn table(
    py: Python<'_>,
    values: Vec<u32>,
    n_rows: usize,
    n_columns: usize,
) -> PyResult<Bound<'_, PyArray2<u32>>> {
    numpy::PyArray1::from_vec(py, values).reshape([n_rows, n_columns])
}

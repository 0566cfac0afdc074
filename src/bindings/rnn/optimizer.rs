//! Optimisers. The precision is that of the first network it changes.

use std::sync::{Arc, Mutex};

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

use super::structure::unknown;
use crate::bindings::arrays::{Number, dictionary, parameters};
use crate::bindings::call::translated;
use crate::bindings::precision::{Either, lock};
use crate::error::{Error, Result};
use crate::network::optimizer::{Method, Optimizer as CoreOptimizer};
use crate::network::parameters::Parameters;

/// How it is set up, and what it has become.
pub struct Held {
    method: Method,
    learning_rate: f64,
    weight_decay: f64,
    clip: Option<f64>,
    made: Option<Either<CoreOptimizer<f32>, CoreOptimizer<f64>>>,
}

/// A way to follow gradients.
#[pyclass(module = "fastigial._core", frozen)]
pub struct Optimizer {
    pub held: Arc<Mutex<Held>>,
}

/// Precisions that an optimiser can be made for.
pub trait Optimized: Number {
    fn held(held: &mut Held) -> Result<&mut CoreOptimizer<Self>>;
}

macro_rules! optimized {
    ($type:ty, $variant:ident) => {
        impl Optimized for $type {
            fn held(held: &mut Held) -> Result<&mut CoreOptimizer<Self>> {
                if held.made.is_none() {
                    let made =
                        CoreOptimizer::new(held.method, held.learning_rate, held.weight_decay, held.clip)?;
                    held.made = Some(Either::$variant(made));
                }
                match &mut held.made {
                    Some(Either::$variant(made)) => {
                        made.set_learning_rate(held.learning_rate)?;
                        Ok(made)
                    }
                    _ => Err(Error::value(
                        "optimizer",
                        "of another precision",
                        "one for networks of one precision",
                    )),
                }
            }
        }
    };
}
optimized!(f32, Single);
optimized!(f64, Double);

#[pymethods]
impl Optimizer {
    #[new]
    fn new(py: Python<'_>, kind: &str, options: &Bound<'_, PyMapping>) -> PyResult<Self> {
        let option = |name: &str| {
            options
                .get_item(name)
                .map_err(|_| PyKeyError::new_err(format!("options of {kind} lack {name:?}")))
        };
        let adam = || -> PyResult<(f64, f64, f64)> {
            let (beta1, beta2): (f64, f64) = option("betas")?.extract()?;
            Ok((beta1, beta2, option("eps")?.extract()?))
        };
        let (method, weight_decay) = match kind {
            "sgd" => {
                (Method::Sgd { momentum: option("momentum")?.extract()? }, option("weight_decay")?.extract()?)
            }
            "adam" => {
                let (beta1, beta2, epsilon) = adam()?;
                (Method::Adam { beta1, beta2, epsilon }, 0.0)
            }
            "adamw" => {
                let (beta1, beta2, epsilon) = adam()?;
                (Method::AdamW { beta1, beta2, epsilon }, option("weight_decay")?.extract()?)
            }
            _ => return Err(unknown("optimizer", kind, "sgd, adam or adamw")),
        };
        let learning_rate: f64 = option("learning_rate")?.extract()?;
        let clip: Option<f64> = option("clip")?.extract()?;
        // Made once for its checks.
        CoreOptimizer::<f64>::new(method, learning_rate, weight_decay, clip)
            .map_err(|error| translated(py, &error))?;
        let held = Held { method, learning_rate, weight_decay, clip, made: None };
        Ok(Self { held: Arc::new(Mutex::new(held)) })
    }

    #[getter]
    fn learning_rate(&self) -> f64 {
        lock(&self.held).learning_rate
    }

    #[setter]
    fn set_learning_rate(&self, py: Python<'_>, learning_rate: f64) -> PyResult<()> {
        let mut held = lock(&self.held);
        let mut probe =
            CoreOptimizer::<f64>::new(held.method, held.learning_rate, held.weight_decay, held.clip)
                .map_err(|error| translated(py, &error))?;
        probe.set_learning_rate(learning_rate).map_err(|error| translated(py, &error))?;
        held.learning_rate = learning_rate;
        Ok(())
    }

    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        match &lock(&self.held).made {
            None => Ok(PyDict::new(py)),
            Some(Either::Single(made)) => exported(py, made),
            Some(Either::Double(made)) => exported(py, made),
        }
    }

    fn set_state(&self, state: &Bound<'_, PyAny>) -> PyResult<()> {
        fn import<R: Optimized>(held: &mut Held, state: &Bound<'_, PyAny>) -> PyResult<()> {
            let given = parameters::<R>("state", state)?;
            let mut arrays = Parameters::new();
            let mut n_steps = 0;
            for entry in &given {
                if entry.name == N_STEPS {
                    n_steps = entry.values.iter().map(|v| v.to_f64() as u64).sum();
                } else {
                    arrays
                        .push(entry.name.clone(), &entry.shape, entry.values.clone())
                        .map_err(|error| translated(state.py(), &error))?;
                }
            }
            let made = R::held(held).map_err(|error| translated(state.py(), &error))?;
            made.set_state(n_steps, arrays).map_err(|error| translated(state.py(), &error))
        }
        let values = state.cast::<PyMapping>()?.values()?;
        let Ok(first) = values.get_item(0) else { return Ok(()) };
        let mut held = lock(&self.held);
        if crate::bindings::arrays::read::<f32>("state", &first).is_ok() {
            import::<f32>(&mut held, state)
        } else {
            import::<f64>(&mut held, state)
        }
    }
}

const N_STEPS: &str = "n_steps";

fn exported<'py, R: Number>(py: Python<'py>, made: &CoreOptimizer<R>) -> PyResult<Bound<'py, PyDict>> {
    let (n_steps, arrays) = made.state();
    let dict = dictionary(py, arrays)?;
    // Two parts, so that single precision holds any number of steps that a machine can take.
    let (high, low) = (n_steps / SPLIT * SPLIT, n_steps % SPLIT);
    let parts = vec![R::from_f64(high as f64), R::from_f64(low as f64)];
    dict.set_item(N_STEPS, crate::bindings::arrays::array(py, &[2], parts))?;
    Ok(dict)
}

/// Whole multiples of this are exact in single precision up to 2⁴⁰.
const SPLIT: u64 = 1 << 20;

//! Learning rules. Made in the precision of the first network they are used with.

use std::sync::{Arc, Mutex};

use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

use super::arrays::{Number, dictionary, parameters};
use super::structure::unknown;
use super::{Either, lock};
use crate::bindings::call::translated;
use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::rnn::network::Network;
use crate::rnn::rules::Rule as CoreRule;
use crate::rnn::rules::bptt::Bptt;

/// A rule by its arguments.
#[derive(Debug, Clone, PartialEq)]
enum Recipe {
    Bptt(Bptt),
}

/// A rule in one precision.
type Made<R> = Box<dyn CoreRule<R>>;

/// A rule's arguments, and what it has become.
pub struct Held {
    recipe: Recipe,
    made: Option<Either<Made<f32>, Made<f64>>>,
    /// A state that came before the first network.
    waiting: Option<Either<Parameters<f32>, Parameters<f64>>>,
}

/// A learning rule.
#[pyclass(module = "fastigial._core", frozen)]
pub struct Rule {
    pub held: Arc<Mutex<Held>>,
}

impl Recipe {
    fn make<R: Number>(&self, _network: &Network<R>) -> Result<Made<R>> {
        Ok(match self {
            Self::Bptt(rule) => Box::new(*rule),
        })
    }
}

/// Precisions that a rule can be made for.
pub trait Ruled: Number {
    fn held<'h>(held: &'h mut Held, network: &Network<Self>) -> Result<&'h mut Made<Self>>;
    fn wait(state: Parameters<Self>) -> Either<Parameters<f32>, Parameters<f64>>;
}

macro_rules! ruled {
    ($type:ty, $variant:ident) => {
        impl Ruled for $type {
            fn held<'h>(held: &'h mut Held, network: &Network<Self>) -> Result<&'h mut Made<Self>> {
                if held.made.is_none() {
                    let mut made = held.recipe.make::<Self>(network)?;
                    match held.waiting.take() {
                        None => {}
                        Some(Either::$variant(state)) => made.set_state(&state)?,
                        Some(_) => return Err(of_one_precision()),
                    }
                    held.made = Some(Either::$variant(made));
                }
                match &mut held.made {
                    Some(Either::$variant(made)) => Ok(made),
                    _ => Err(of_one_precision()),
                }
            }
            fn wait(state: Parameters<Self>) -> Either<Parameters<f32>, Parameters<f64>> {
                Either::$variant(state)
            }
        }
    };
}
ruled!(f32, Single);
ruled!(f64, Double);

fn of_one_precision() -> Error {
    Error::value("rule", "of another precision", "one for networks of one precision")
}

impl Rule {
    /// Steps between states that back-propagation keeps, if it is told to.
    pub fn checkpoint_every(&self) -> Option<usize> {
        match &lock(&self.held).recipe {
            Recipe::Bptt(rule) => rule.checkpoint_every,
        }
    }

    /// Lends the rule, made for this network if it is new.
    pub fn with<R: Ruled, O>(
        &self,
        network: &Network<R>,
        lend: impl FnOnce(&mut dyn CoreRule<R>) -> Result<O>,
    ) -> Result<O> {
        lend(R::held(&mut lock(&self.held), network)?.as_mut())
    }
}

#[pymethods]
impl Rule {
    #[new]
    fn new(kind: &str, options: &Bound<'_, PyMapping>) -> PyResult<Self> {
        let recipe = read(kind, &Options { kind, options })?;
        Ok(Self { held: Arc::new(Mutex::new(Held { recipe, made: None, waiting: None })) })
    }

    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        match &lock(&self.held).made {
            None => Ok(PyDict::new(py)),
            Some(Either::Single(made)) => dictionary(py, &made.state()),
            Some(Either::Double(made)) => dictionary(py, &made.state()),
        }
    }

    fn set_state(&self, state: &Bound<'_, PyAny>) -> PyResult<()> {
        let values = state.cast::<PyMapping>()?.values()?;
        let Ok(first) = values.get_item(0) else { return Ok(()) };
        let mut held = lock(&self.held);
        let given = if super::arrays::read::<f32>("state", &first).is_ok() {
            f32::wait(parameters("state", state)?)
        } else {
            f64::wait(parameters("state", state)?)
        };
        let set = match (&mut held.made, given) {
            (None, given) => {
                held.waiting = Some(given);
                Ok(())
            }
            (Some(Either::Single(made)), Either::Single(given)) => made.set_state(&given),
            (Some(Either::Double(made)), Either::Double(given)) => made.set_state(&given),
            _ => Err(of_one_precision()),
        };
        set.map_err(|error| translated(state.py(), &error))
    }
}

/// Options by name.
struct Options<'a, 'py> {
    kind: &'a str,
    options: &'a Bound<'py, PyMapping>,
}

impl<'py> Options<'_, 'py> {
    fn get<T>(&self, name: &str) -> PyResult<T>
    where
        T: for<'a> FromPyObject<'a, 'py>,
        for<'a> <T as FromPyObject<'a, 'py>>::Error: Into<PyErr>,
    {
        let option = self.options.get_item(name);
        let option = option.map_err(|_| PyKeyError::new_err(format!("options of {} lack {name:?}", self.kind)))?;
        option.extract::<T>().map_err(|error| {
            let error: PyErr = error.into();
            PyValueError::new_err(format!("{name} of {}: {error}", self.kind))
        })
    }
}

fn read(kind: &str, options: &Options<'_, '_>) -> PyResult<Recipe> {
    Ok(match kind {
        "bptt" => Recipe::Bptt(Bptt {
            truncation: options.get("truncation")?,
            checkpoint_every: options.get("checkpoint_every")?,
        }),
        _ => return Err(unknown("rule", kind, "one of fastigial.rules")),
    })
}

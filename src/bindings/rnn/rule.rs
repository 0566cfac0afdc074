//! Learning rules. Made in the precision of the first network they are used with.

use std::sync::{Arc, Mutex};

use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

use super::structure::unknown;
use crate::bindings::arrays::{Number, dictionary, parameters};
use crate::bindings::call::call;
use crate::bindings::precision::{Either, lock};
use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::rnn::rules::bp_lambda::{self, BpLambda};
use crate::rnn::rules::bptt::Bptt;
use crate::rnn::rules::eprop::EProp;
use crate::rnn::rules::feedback_alignment::FeedbackAlignment;
use crate::rnn::rules::force::{self, Force};
use crate::rnn::rules::full_force::{self, FullForce};
use crate::rnn::rules::kolen_pollack::KolenPollack;
use crate::rnn::rules::miconi::Miconi;
use crate::rnn::rules::node_perturbation::{Against, NodePerturbation};
use crate::rnn::rules::parts::feedback::Feedback;
use crate::rnn::rules::reinforce::Reinforce;
use crate::rnn::rules::rflo::Rflo;
use crate::rnn::rules::rtrl::Rtrl;
use crate::rnn::rules::synthetic_gradient::{self, SyntheticGradient};
use crate::rnn::rules::{Rule as CoreRule, seed_of_draws};

/// A rule by its arguments.
#[derive(Debug, Clone)]
pub enum Recipe {
    Bptt(Bptt),
    Rtrl,
    Rflo { symmetric: bool, seed: u64 },
    EProp { symmetric: bool, seed: u64 },
    FeedbackAlignment { seed: u64 },
    KolenPollack { decay: f64, seed: u64 },
    NodePerturbation { sigma: f64, against: Against },
    Reinforce { sigma: f64, decay: f64 },
    Miconi { sigma: f64, probability: f64, mean_decay: f64, decay: f64 },
    Force(force::Settings),
    FullForce(full_force::Settings),
    SyntheticGradient(synthetic_gradient::Settings),
    BpLambda(bp_lambda::Settings),
}

/// A rule in one precision.
type Made<R> = Box<dyn CoreRule<R>>;

/// What a rule has become.
pub struct Held {
    made: Option<Either<Made<f32>, Made<f64>>>,
    /// A state that came before the first network.
    waiting: Option<Either<Parameters<f32>, Parameters<f64>>>,
}

/// A learning rule. A lesson may hold the lock while it asks a Python function for its loss, so nobody waits for it with
/// the interpreter in hand; what does not change stands outside.
#[pyclass(module = "fastigial._core", frozen)]
pub struct Rule {
    recipe: Recipe,
    seed: u64,
    pub held: Arc<Mutex<Held>>,
}

impl Recipe {
    fn make<R: Number>(&self) -> Result<Made<R>> {
        let feedback = |symmetric: bool| if symmetric { Feedback::Symmetric } else { Feedback::Random };
        Ok(match self.clone() {
            Self::Bptt(rule) => Box::new(rule),
            Self::Rtrl => Box::new(Rtrl::new()),
            Self::Rflo { symmetric, seed } => Box::new(Rflo::new(feedback(symmetric), seed)?),
            Self::EProp { symmetric, seed } => Box::new(EProp::new(feedback(symmetric), seed)?),
            Self::FeedbackAlignment { seed } => Box::new(FeedbackAlignment::new(Feedback::Random, seed)?),
            Self::KolenPollack { decay, seed } => Box::new(KolenPollack::new(decay, seed)?),
            Self::NodePerturbation { sigma, against } => Box::new(NodePerturbation::new(sigma, against)?),
            Self::Reinforce { sigma, decay } => Box::new(Reinforce::new(sigma, decay)?),
            Self::Miconi { sigma, probability, mean_decay, decay } => {
                Box::new(Miconi::new(sigma, probability, mean_decay, decay)?)
            }
            Self::Force(settings) => Box::new(Force::new(settings)),
            Self::FullForce(settings) => Box::new(FullForce::new(settings)),
            Self::SyntheticGradient(settings) => Box::new(SyntheticGradient::new(settings)),
            Self::BpLambda(settings) => Box::new(BpLambda::new(settings)),
        })
    }
}

/// Precisions that a rule can be made for.
pub trait Ruled: Number {
    fn held<'h>(held: &'h mut Held, recipe: &Recipe) -> Result<&'h mut Made<Self>>;
    fn wait(state: Parameters<Self>) -> Either<Parameters<f32>, Parameters<f64>>;
}

macro_rules! ruled {
    ($type:ty, $variant:ident) => {
        impl Ruled for $type {
            fn held<'h>(held: &'h mut Held, recipe: &Recipe) -> Result<&'h mut Made<Self>> {
                if held.made.is_none() {
                    let mut made = recipe.make::<Self>()?;
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
    /// The seed of what it draws in a lesson of this seed.
    pub fn seed_in(&self, lesson: u64) -> u64 {
        seed_of_draws(self.seed, lesson)
    }

    /// Whether it does far more than a few multiply-adds per weight, sample and step.
    pub fn is_slow(&self) -> bool {
        matches!(
            self.recipe,
            Recipe::Rtrl
                | Recipe::BpLambda(_)
                | Recipe::Force(_)
                | Recipe::FullForce(_)
                | Recipe::SyntheticGradient(_)
        )
    }

    /// Lends the rule for a look at what it would do: what it has of earlier lessons is as it was afterwards.
    pub fn with_unchanged<R: Ruled, O>(
        &self,
        lend: impl FnOnce(&mut dyn CoreRule<R>) -> Result<O>,
    ) -> Result<O> {
        let remembers_losses = matches!(
            self.recipe,
            Recipe::NodePerturbation { .. } | Recipe::Reinforce { .. } | Recipe::Miconi { .. }
        );
        if !remembers_losses {
            return self.with(lend);
        }
        self.with(|rule| {
            let before = rule.state();
            let answer = lend(rule);
            rule.set_state(&before)?;
            answer
        })
    }

    /// Lends the rule, made in this precision if it is new.
    pub fn with<R: Ruled, O>(&self, lend: impl FnOnce(&mut dyn CoreRule<R>) -> Result<O>) -> Result<O> {
        lend(R::held(&mut lock(&self.held), &self.recipe)?.as_mut())
    }
}

#[pymethods]
impl Rule {
    #[new]
    fn new(kind: &str, options: &Bound<'_, PyMapping>) -> PyResult<Self> {
        let options = Options { kind, options };
        let (recipe, seed) = (read(kind, &options)?, options.get("seed")?);
        Ok(Self { recipe, seed, held: Arc::new(Mutex::new(Held { made: None, waiting: None })) })
    }

    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let found = call(py, || {
            let held = lock(&self.held);
            Ok(match (&held.made, &held.waiting) {
                (Some(Either::Single(made)), _) => Some(Either::Single(made.state())),
                (Some(Either::Double(made)), _) => Some(Either::Double(made.state())),
                (None, Some(Either::Single(state))) => Some(Either::Single(state.clone())),
                (None, Some(Either::Double(state))) => Some(Either::Double(state.clone())),
                (None, None) => None,
            })
        })?;
        match found {
            None => Ok(PyDict::new(py)),
            Some(Either::Single(state)) => dictionary(py, &state),
            Some(Either::Double(state)) => dictionary(py, &state),
        }
    }

    fn set_state(&self, state: &Bound<'_, PyAny>) -> PyResult<()> {
        let values = state.cast::<PyMapping>()?.values()?;
        let Ok(first) = values.get_item(0) else { return Ok(()) };
        let given = if crate::bindings::arrays::read::<f32>("state", &first).is_ok() {
            f32::wait(parameters("state", state)?)
        } else {
            f64::wait(parameters("state", state)?)
        };
        call(state.py(), || {
            let mut held = lock(&self.held);
            match (&mut held.made, given) {
                (None, given) => {
                    held.waiting = Some(given);
                    Ok(())
                }
                (Some(Either::Single(made)), Either::Single(given)) => made.set_state(&given),
                (Some(Either::Double(made)), Either::Double(given)) => made.set_state(&given),
                _ => Err(of_one_precision()),
            }
        })
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
        let option =
            option.map_err(|_| PyKeyError::new_err(format!("options of {} lack {name:?}", self.kind)))?;
        option.extract::<T>().map_err(|error| {
            let error: PyErr = error.into();
            PyValueError::new_err(format!("{name} of {}: {error}", self.kind))
        })
    }
}

impl Options<'_, '_> {
    fn symmetric(&self) -> PyResult<bool> {
        let feedback: String = self.get("feedback")?;
        match feedback.as_str() {
            "random" => Ok(false),
            "symmetric" => Ok(true),
            _ => Err(unknown("feedback", &feedback, "random or symmetric")),
        }
    }
}

fn read(kind: &str, options: &Options<'_, '_>) -> PyResult<Recipe> {
    Ok(match kind {
        "bptt" => Recipe::Bptt(Bptt {
            truncation: options.get("truncation")?,
            checkpoint_every: options.get("checkpoint_every")?,
        }),
        "rtrl" => Recipe::Rtrl,
        "rflo" => Recipe::Rflo { symmetric: options.symmetric()?, seed: options.get("seed")? },
        "eprop" => Recipe::EProp { symmetric: options.symmetric()?, seed: options.get("seed")? },
        "feedback_alignment" => Recipe::FeedbackAlignment { seed: options.get("seed")? },
        "kolen_pollack" => Recipe::KolenPollack { decay: options.get("decay")?, seed: options.get("seed")? },
        "node_perturbation" => {
            let baseline: String = options.get("baseline")?;
            let against = match baseline.as_str() {
                "unperturbed" => Against::Unperturbed,
                "running" => Against::Running(options.get("decay")?),
                _ => return Err(unknown("baseline", &baseline, "unperturbed or running")),
            };
            Recipe::NodePerturbation { sigma: options.get("sigma")?, against }
        }
        "reinforce" => Recipe::Reinforce { sigma: options.get("sigma")?, decay: options.get("decay")? },
        "miconi" => Recipe::Miconi {
            sigma: options.get("amplitude")?,
            probability: options.get("probability")?,
            mean_decay: options.get("trace_decay")?,
            decay: options.get("decay")?,
        },
        "force" => Recipe::Force(force::Settings {
            alpha: options.get("alpha")?,
            every: options.get("every")?,
            learn_start: options.get("start")?,
        }),
        "full_force" => Recipe::FullForce(full_force::Settings {
            alpha: options.get("alpha")?,
            every: options.get("every")?,
            gain: options.get("gain")?,
            seed: options.get("seed")?,
        }),
        "synthetic_gradient" => Recipe::SyntheticGradient(synthetic_gradient::Settings {
            window: options.get("window")?,
            bootstrap: options.get("bootstrap")?,
            hidden: options.get("hidden")?,
            n_kept: options.get("n_mossy_inputs")?,
            frozen: options.get("frozen")?,
            random_start: options.get("random_start")?,
            equal_windows: options.get("equal_windows")?,
            seed: options.get("seed")?,
        }),
        "bp_lambda" => Recipe::BpLambda(bp_lambda::Settings {
            lambda: options.get("decay")?,
            gamma: options.get("discount")?,
            weight: options.get("weight")?,
            local_trace: options.get("local_trace")?,
            hidden: options.get("hidden")?,
            seed: options.get("seed")?,
        }),
        _ => return Err(unknown("rule", kind, "one of fastigial.rules")),
    })
}

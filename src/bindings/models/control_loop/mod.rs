//! Recurrent networks that move bodies.

mod lesson;

use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use self::lesson::{Given, Lesson};
use crate::bindings::arrays::{array, dictionary};
use crate::bindings::call::stoppable_call;
use crate::bindings::plant::course::stepping;
use crate::bindings::plant::{Body, Held as HeldBody, with_body};
use crate::bindings::precision::{Either, lock};
use crate::bindings::rnn::network::{Held, Network};
use crate::bindings::rnn::optimizer::{Optimized, Optimizer};
use crate::error::{Error, Result};
use crate::models::control_loop::{Channel, Costs, Drive, Terms, Workspace, World};
use crate::monitor::Stop;
use crate::numerics::parallel::Threads;
use crate::plant::body::Stepping;
use crate::plant::senses::Senses;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ControlLoop>()
}

/// Delay, noise, gain and offset of a sense.
type Sense = Option<(usize, Vec<f64>, Vec<f64>, Vec<f64>)>;
/// Position, velocity, effort, activity.
type Parts = (f64, f64, f64, f64);

/// Settings of a loop.
#[derive(FromPyObject)]
struct Settings {
    #[pyo3(item)]
    dt: f64,
    #[pyo3(item)]
    method: String,
    #[pyo3(item)]
    n_substeps: usize,
    #[pyo3(item)]
    vision: Sense,
    #[pyo3(item)]
    proprioception: Sense,
    #[pyo3(item)]
    control_scale: Option<f64>,
    #[pyo3(item)]
    radius: Option<f64>,
    #[pyo3(item)]
    effort: f64,
    #[pyo3(item)]
    effort_change: f64,
    #[pyo3(item)]
    activity: f64,
    #[pyo3(item)]
    activity_change: f64,
}

/// A body, what is told of it, what outputs do to it, and what it should do.
#[pyclass(module = "fastigial._core", frozen)]
pub struct ControlLoop {
    body: HeldBody,
    stepping: Stepping,
    vision: Option<Channel>,
    proprioception: Option<Channel>,
    drive: Drive,
    costs: Costs,
    single: Mutex<Workspace<f32>>,
    double: Mutex<Workspace<f64>>,
}

/// Precisions that a workspace is kept for.
trait Kept: Optimized {
    fn workspace(held: &ControlLoop) -> &Mutex<Workspace<Self>>;
}

impl Kept for f32 {
    fn workspace(held: &ControlLoop) -> &Mutex<Workspace<Self>> {
        &held.single
    }
}

impl Kept for f64 {
    fn workspace(held: &ControlLoop) -> &Mutex<Workspace<Self>> {
        &held.double
    }
}

fn channel(sense: Sense) -> Option<Channel> {
    sense.map(|(delay, noise, gain, offset)| Channel { delay, noise, gain, offset })
}

fn parts(terms: Terms) -> Parts {
    (terms.position, terms.velocity, terms.effort, terms.activity)
}

/// Runs the same code on a network of either precision.
macro_rules! with_network {
    ($network:expr, $held:ident: $type:ident => $code:expr) => {
        match &$network.get().held {
            Either::Single($held) => {
                type $type = f32;
                $code
            }
            Either::Double($held) => {
                type $type = f64;
                $code
            }
        }
    };
}

impl ControlLoop {
    fn world<B: Clone>(&self, body: &B) -> World<B> {
        World {
            body: body.clone(),
            stepping: self.stepping,
            vision: self.vision.clone(),
            proprioception: self.proprioception.clone(),
            drive: self.drive,
            costs: self.costs,
        }
    }

    fn movement<'py, B: Senses + Clone, R: Kept>(
        &self,
        py: Python<'py>,
        body: &B,
        held: &Mutex<Held<R>>,
        given: &Given<'py>,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (world, lesson, stop) = (self.world(body), Lesson::<R>::read(py, given)?, Stop::default());
        let [b, t] = lesson.shape;
        let (terms, states, controls, activity, inputs, widths) = stoppable_call(py, &stop, || {
            let (held, mut workspace) = (lock(held), lock(R::workspace(self)));
            let threads = Threads::new(n_threads)?;
            let terms = world.run(&held.network, &lesson.trials(), &mut workspace, &threads, &stop)?;
            let structure = held.network.structure();
            let widths = [structure.n_units, structure.n_inputs];
            let states = workspace.states(t, B::N_STATES);
            let controls = workspace.controls(t, B::N_CONTROLS);
            Ok((
                terms,
                states,
                controls,
                workspace.activity(t, widths[0]),
                workspace.inputs(t, widths[1]),
                widths,
            ))
        })?;
        let dict = PyDict::new(py);
        dict.set_item("states", array(py, &[b, t + 1, B::N_STATES], states))?;
        dict.set_item("controls", array(py, &[b, t, B::N_CONTROLS], controls))?;
        dict.set_item("activity", array(py, &[b, t, widths[0]], activity))?;
        dict.set_item("inputs", array(py, &[b, t, widths[1]], inputs))?;
        dict.set_item("terms", parts(terms))?;
        Ok(dict)
    }

    fn lesson<'py, B: Senses + Clone, R: Kept>(
        &self,
        py: Python<'py>,
        body: &B,
        held: &Mutex<Held<R>>,
        given: &Given<'py>,
        n_threads: Option<usize>,
    ) -> PyResult<(Parts, Bound<'py, PyDict>)> {
        let (world, lesson, stop) = (self.world(body), Lesson::<R>::read(py, given)?, Stop::default());
        let (terms, gradient) = stoppable_call(py, &stop, || {
            let (held, mut workspace) = (lock(held), lock(R::workspace(self)));
            let threads = Threads::new(n_threads)?;
            world.gradient(&held.network, &lesson.trials(), &mut workspace, &threads, &stop)
        })?;
        Ok((parts(terms), dictionary(py, &gradient)?))
    }

    fn update<'py, B: Senses + Clone, R: Kept>(
        &self,
        py: Python<'py>,
        body: &B,
        (held, optimizer): (&Mutex<Held<R>>, &Optimizer),
        given: &Given<'py>,
        n_threads: Option<usize>,
    ) -> PyResult<(Parts, f64)> {
        let (world, lesson, stop) = (self.world(body), Lesson::<R>::read(py, given)?, Stop::default());
        stoppable_call(py, &stop, || {
            let (mut held, mut workspace) = (lock(held), lock(R::workspace(self)));
            let threads = Threads::new(n_threads)?;
            let (terms, gradient) =
                world.gradient(&held.network, &lesson.trials(), &mut workspace, &threads, &stop)?;
            let norm = follow(&mut held, optimizer, &gradient)?;
            threads.stay_awake();
            Ok((parts(terms), norm))
        })
    }
}

/// One step of an optimiser; the length of the gradient. Weights stay as they were if one would leave the finite numbers.
fn follow<R: Kept>(
    held: &mut Held<R>,
    optimizer: &Optimizer,
    gradient: &crate::network::parameters::Parameters<R>,
) -> Result<f64> {
    let before = held.network.parameters().clone();
    let mut optimizer = lock(&optimizer.held);
    let norm = R::held(&mut optimizer)?.step(&mut [(held.network.parameters_mut(), gradient)])?;
    if !held.network.parameters().all_finite() {
        *held.network.parameters_mut() = before;
        return Err(Error::Diverged { what: "a weight after the update", place: String::new() });
    }
    held.network.constrain();
    Ok(norm)
}

#[pymethods]
impl ControlLoop {
    #[new]
    fn new(py: Python<'_>, body: &Bound<'_, Body>, settings: Settings) -> PyResult<Self> {
        Ok(Self {
            body: body.get().held.clone(),
            stepping: stepping(py, &settings.method, settings.n_substeps, settings.dt)?,
            vision: channel(settings.vision),
            proprioception: channel(settings.proprioception),
            drive: settings.control_scale.map_or(Drive::Sigmoid, Drive::Linear),
            costs: Costs {
                radius: settings.radius,
                effort: settings.effort,
                effort_change: settings.effort_change,
                activity: settings.activity,
                activity_change: settings.activity_change,
            },
            single: Mutex::default(),
            double: Mutex::default(),
        })
    }

    /// What happens in trials, by name.
    fn run<'py>(
        &self,
        py: Python<'py>,
        network: &Bound<'py, Network>,
        trials: Given<'py>,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyDict>> {
        with_network!(network, held: R => with_body!(&self.body, body => {
            self.movement::<_, R>(py, body, held, &trials, n_threads)
        }))
    }

    /// The parts of the loss, and its gradient by the weights.
    fn gradient<'py>(
        &self,
        py: Python<'py>,
        network: &Bound<'py, Network>,
        trials: Given<'py>,
        n_threads: Option<usize>,
    ) -> PyResult<(Parts, Bound<'py, PyDict>)> {
        with_network!(network, held: R => with_body!(&self.body, body => {
            self.lesson::<_, R>(py, body, held, &trials, n_threads)
        }))
    }

    /// One update of the weights: the parts of the loss before it, and the length of the gradient.
    fn train_step<'py>(
        &self,
        py: Python<'py>,
        network: &Bound<'py, Network>,
        optimizer: &Bound<'py, Optimizer>,
        trials: Given<'py>,
        n_threads: Option<usize>,
    ) -> PyResult<(Parts, f64)> {
        with_network!(network, held: R => with_body!(&self.body, body => {
            self.update::<_, R>(py, body, (held, optimizer.get()), &trials, n_threads)
        }))
    }
}

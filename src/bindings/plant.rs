//! Bodies. They never change, so that calls share them without a lock.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::bindings::arrays::{Number, array, in_order, read};
use crate::bindings::call::{call, long_call, translated};
use crate::error::Result;
use crate::models::cerebello_cortical::Kind;
use crate::numerics::parallel::Threads;
use crate::plant::arm::{Arm, Links};
use crate::plant::body::{Method, Stepping};
use crate::plant::field::Field;
use crate::plant::muscles::{MuscleArm, Muscles, N_MUSCLES};
use crate::plant::point_mass::PointMass;
use crate::plant::trajectory::{Course, pull_back, run};
use crate::plant::{body::Body as CoreBody, rows};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Body>()
}

/// Any body.
enum Held {
    PointMass(PointMass),
    Arm(Arm),
    MuscleArm(Box<MuscleArm>),
}

/// Runs the same code on any of them.
macro_rules! with_body {
    ($held:expr, $body:ident => $code:expr) => {
        match $held {
            Held::PointMass($body) => $code,
            Held::Arm($body) => $code,
            Held::MuscleArm($body) => {
                let $body = &**$body;
                $code
            }
        }
    };
}

/// Masses, lengths, centres and inertias of an arm.
type Bones = [[f64; 2]; 4];
type Limits = Option<[[f64; 2]; 2]>;
/// F_max, l₀, p, r, T₁, T₂ and a_min.
type MuscleNumbers =
    ([f64; N_MUSCLES], [f64; N_MUSCLES], [[f64; 2]; N_MUSCLES], [[f64; 2]; N_MUSCLES], f64, f64, f64);

/// A body in a plane.
#[pyclass(module = "fastigial._core", frozen)]
pub struct Body {
    held: Held,
}

/// Arrays and settings of a movement, all but its beginning.
#[derive(FromPyObject)]
struct Drive<'py> {
    #[pyo3(item)]
    controls: Bound<'py, PyAny>,
    #[pyo3(item)]
    loads: Option<Bound<'py, PyAny>>,
    #[pyo3(item)]
    fields: Bound<'py, PyAny>,
    #[pyo3(item)]
    dt: f64,
    #[pyo3(item)]
    method: String,
    #[pyo3(item)]
    n_substeps: usize,
    #[pyo3(item)]
    n_threads: Option<usize>,
}

/// The same, read.
struct Driven<R> {
    n_trials: usize,
    n_steps: usize,
    controls: Vec<R>,
    loads: Option<Vec<R>>,
    fields: Vec<Field>,
    stepping: Stepping,
    n_threads: Option<usize>,
}

/// How time passes.
pub fn method_named(name: &str) -> PyResult<Method> {
    match name {
        "semi_implicit_euler" => Ok(Method::SemiImplicitEuler),
        "rk4" => Ok(Method::RungeKutta),
        other => {
            let message = format!("method is {other:?}, expected semi_implicit_euler or rk4");
            Err(PyValueError::new_err(message))
        }
    }
}

impl<R: Number> Driven<R> {
    fn read(py: Python<'_>, drive: &Drive<'_>) -> PyResult<Self> {
        let (shape, controls) = in_order(&read::<R>("controls", &drive.controls)?);
        let [n_trials, n_steps, _] = shape[..] else {
            let message = format!("controls has shape {shape:?}, expected (trials, steps, controls)");
            return Err(PyValueError::new_err(message));
        };
        let loads = drive.loads.as_ref().map(|loads| read::<R>("load", loads)).transpose()?;
        let method = method_named(&drive.method)?;
        let numbers = in_order(&read::<f64>("field", &drive.fields)?).1;
        Ok(Self {
            n_trials,
            n_steps,
            controls,
            loads: loads.map(|loads| in_order(&loads).1),
            fields: Field::from_numbers(&numbers).map_err(|error| translated(py, &error))?,
            stepping: Stepping::new(method, drive.n_substeps, drive.dt)
                .map_err(|error| translated(py, &error))?,
            n_threads: drive.n_threads,
        })
    }

    fn course(&self) -> Course<'_, R> {
        Course {
            stepping: self.stepping,
            n_trials: self.n_trials,
            n_steps: self.n_steps,
            controls: &self.controls,
            loads: self.loads.as_deref(),
            fields: &self.fields,
        }
    }
}

fn run_body<'py, B: CoreBody, R: Number>(
    body: &B,
    start: &Bound<'py, PyAny>,
    drive: &Drive<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = start.py();
    let start = in_order(&read::<R>("state", start)?).1;
    let driven = Driven::<R>::read(py, drive)?;
    let kernel = |monitor: &mut dyn crate::monitor::Monitor| {
        run(body, &start, &driven.course(), &Threads::new(driven.n_threads)?, monitor)
    };
    match long_call(py, None, kernel)? {
        (_, Some(exception)) => Err(exception),
        (states, None) => {
            Ok(array(py, &[driven.n_trials, driven.n_steps + 1, B::N_STATES], states).into_any())
        }
    }
}

type Three<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);

fn pull_body_back<'py, B: CoreBody, R: Number>(
    body: &B,
    states: &Bound<'py, PyAny>,
    outer: &Bound<'py, PyAny>,
    drive: &Drive<'py>,
) -> PyResult<Three<'py>> {
    let py = states.py();
    let states = in_order(&read::<R>("states", states)?).1;
    let outer = in_order(&read::<R>("d_states", outer)?).1;
    let driven = Driven::<R>::read(py, drive)?;
    let kernel = |monitor: &mut dyn crate::monitor::Monitor| {
        pull_back(body, &states, &outer, &driven.course(), &Threads::new(driven.n_threads)?, monitor)
    };
    match long_call(py, None, kernel)? {
        (_, Some(exception)) => Err(exception),
        (found, None) => {
            let (n, t) = (driven.n_trials, driven.n_steps);
            Ok((
                array(py, &[n, t, B::N_CONTROLS], found.controls).into_any(),
                array(py, &[n, t, 2], found.loads).into_any(),
                array(py, &[n, B::N_STATES], found.start).into_any(),
            ))
        }
    }
}

fn states_of<B: CoreBody>(_: &B) -> usize {
    B::N_STATES
}

fn is_single(array: &Bound<'_, PyAny>) -> bool {
    read::<f32>("state", array).is_ok()
}

/// Rows of numbers of the same precision, to rows of `width` numbers.
fn by_row<'py, R: Number, const N: usize>(
    arrays: [(&'static str, &Bound<'py, PyAny>); N],
    width: usize,
    kernel: impl FnOnce([&[R]; N]) -> Result<Vec<R>> + Send,
) -> PyResult<Bound<'py, PyAny>> {
    let py = arrays[0].1.py();
    let mut copies: [Vec<R>; N] = std::array::from_fn(|_| Vec::new());
    for (copy, (name, given)) in copies.iter_mut().zip(arrays) {
        *copy = in_order(&read::<R>(name, given)?).1;
    }
    let found = call(py, || kernel(copies.each_ref().map(|copy| &copy[..])))?;
    Ok(array(py, &[found.len() / width, width], found).into_any())
}

/// The same in the precision of the first array.
macro_rules! rows_of {
    ($arrays:expr, $width:expr, $given:pat => $code:expr) => {{
        let arrays = $arrays;
        if is_single(arrays[0].1) {
            by_row::<f32, _>(arrays, $width, |$given| $code)
        } else {
            by_row::<f64, _>(arrays, $width, |$given| $code)
        }
    }};
}

impl Body {
    fn arm(&self) -> PyResult<&Arm> {
        match &self.held {
            Held::Arm(arm) => Ok(arm),
            Held::MuscleArm(body) => Ok(&body.arm),
            Held::PointMass(_) => Err(PyValueError::new_err("a point mass has no joints")),
        }
    }
}

impl Body {
    /// What can be moved by two forces or torques.
    pub fn limb(&self) -> PyResult<Kind> {
        match &self.held {
            Held::PointMass(mass) => Ok(Kind::Mass(mass.clone())),
            Held::Arm(arm) => Ok(Kind::Arm(arm.clone())),
            Held::MuscleArm(_) => {
                Err(PyTypeError::new_err("plant is a MuscleArm, expected a PointMass or a TwoLinkArm"))
            }
        }
    }
}

#[pymethods]
impl Body {
    #[staticmethod]
    fn point_mass(py: Python<'_>, mass: f64, damping: f64) -> PyResult<Self> {
        let mass = PointMass::new(mass, damping).map_err(|error| translated(py, &error))?;
        Ok(Self { held: Held::PointMass(mass) })
    }

    #[staticmethod]
    fn arm_of(py: Python<'_>, bones: Bones, damping: f64, limits: Limits) -> PyResult<Self> {
        let [masses, lengths, centres, inertias] = bones;
        let links = Links { masses, lengths, centres, inertias };
        let arm = Arm::new(&links, damping, limits).map_err(|error| translated(py, &error))?;
        Ok(Self { held: Held::Arm(arm) })
    }

    /// This arm, with muscles.
    #[allow(clippy::large_types_passed_by_value, reason = "Python's numbers become these")]
    fn with_muscles(&self, py: Python<'_>, numbers: MuscleNumbers) -> PyResult<Self> {
        let arm = self.arm()?.clone();
        let (max_forces, rest_lengths, linear, quadratic, rise, fall, min_activation) = numbers;
        let muscles = Muscles {
            max_forces,
            rest_lengths,
            linear,
            quadratic,
            activation_time: rise,
            deactivation_time: fall,
            min_activation,
        };
        let muscles = muscles.checked().map_err(|error| translated(py, &error))?;
        Ok(Self { held: Held::MuscleArm(Box::new(MuscleArm { arm, muscles })) })
    }

    /// States (trials, steps + 1, states).
    fn run<'py>(&self, state: &Bound<'py, PyAny>, drive: Drive<'py>) -> PyResult<Bound<'py, PyAny>> {
        with_body!(&self.held, body => if is_single(state) {
            run_body::<_, f32>(body, state, &drive)
        } else {
            run_body::<_, f64>(body, state, &drive)
        })
    }

    /// Gradients by controls, by loads and by the first state.
    fn pull_back<'py>(
        &self,
        states: &Bound<'py, PyAny>,
        d_states: &Bound<'py, PyAny>,
        drive: Drive<'py>,
    ) -> PyResult<Three<'py>> {
        with_body!(&self.held, body => if is_single(states) {
            pull_body_back::<_, f32>(body, states, d_states, &drive)
        } else {
            pull_body_back::<_, f64>(body, states, d_states, &drive)
        })
    }

    fn hand<'py>(&self, state: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        with_body!(&self.held, body => rows_of!([("state", state)], 4, [s] => rows::hands(body, s)))
    }

    /// Gradients by states, (rows, states), of those by positions and velocities of the hand, (rows, 4).
    fn pull_hand_back<'py>(
        &self,
        state: &Bound<'py, PyAny>,
        d_hand: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        with_body!(&self.held, body => {
            let (arrays, width) = ([("state", state), ("d_hand", d_hand)], states_of(body));
            rows_of!(arrays, width, [s, d] => rows::pull_hands_back(body, s, d))
        })
    }

    fn energy<'py>(&self, state: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        with_body!(&self.held, body => rows_of!([("state", state)], 1, [s] => rows::energies(body, s)))
    }

    fn acceleration<'py>(
        &self,
        state: &Bound<'py, PyAny>,
        control: &Bound<'py, PyAny>,
        load: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        with_body!(&self.held, body => {
            let arrays = [("state", state), ("controls", control), ("load", load)];
            rows_of!(arrays, 2, [s, u, f] => rows::accelerations(body, s, u, f))
        })
    }

    fn inverse_dynamics<'py>(
        &self,
        state: &Bound<'py, PyAny>,
        acceleration: &Bound<'py, PyAny>,
        load: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        with_body!(&self.held, body => {
            let arrays = [("state", state), ("acceleration", acceleration), ("load", load)];
            rows_of!(arrays, 2, [s, a, f] => rows::drives(body, s, a, f))
        })
    }

    /// Angles and their velocities, of positions and velocities of the hand, (rows, 4) both.
    fn joints<'py>(&self, hand: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let arm = self.arm()?;
        rows_of!([("position", hand)], 4, [hand] => rows::joints(arm, hand))
    }

    /// Lengths (rows, 6), and their slopes (rows, 12) by shoulder and elbow, of angles (rows, 2).
    fn muscle_geometry<'py>(
        &self,
        angles: &Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let Held::MuscleArm(body) = &self.held else {
            return Err(PyValueError::new_err("a body without muscles has no muscle geometry"));
        };
        let (muscles, of) = (&body.muscles, [("angles", angles)]);
        let lengths = rows_of!(of, N_MUSCLES, [a] => Ok(rows::geometry(muscles, a)?.0))?;
        let slopes = rows_of!(of, 2 * N_MUSCLES, [a] => Ok(rows::geometry(muscles, a)?.1))?;
        Ok((lengths, slopes))
    }
}

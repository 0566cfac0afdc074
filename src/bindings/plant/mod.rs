//! Bodies. They never change, so that calls share them without a lock.

pub mod course;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use self::course::{Drive, Three, pull_body_back, run_body};

use crate::bindings::arrays::{Number, array, in_order, read};
use crate::bindings::call::{call, translated};
use crate::error::Result;
use crate::models::cerebello_cortical::Kind;
use crate::plant::arm::{Arm, Links};
use crate::plant::muscles::{MuscleArm, Muscles, N_MUSCLES};
use crate::plant::point_mass::PointMass;
use crate::plant::{body::Body as CoreBody, rows};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Body>()
}

/// Any body.
#[derive(Clone)]
pub enum Held {
    PointMass(PointMass),
    Arm(Arm),
    MuscleArm(Box<MuscleArm>),
}

/// Runs the same code on any of them.
macro_rules! with_body {
    ($held:expr, $body:ident => $code:expr) => {
        match $held {
            $crate::bindings::plant::Held::PointMass($body) => $code,
            $crate::bindings::plant::Held::Arm($body) => $code,
            $crate::bindings::plant::Held::MuscleArm($body) => {
                let $body = &**$body;
                $code
            }
        }
    };
}
pub(crate) use with_body;

/// Masses, lengths, centres and inertias of an arm.
type Bones = [[f64; 2]; 4];
type Limits = Option<[[f64; 2]; 2]>;
/// F_max, l₀, p, r, T₁, T₂ and a_min.
type MuscleNumbers =
    ([f64; N_MUSCLES], [f64; N_MUSCLES], [[f64; 2]; N_MUSCLES], [[f64; 2]; N_MUSCLES], f64, f64, f64);

/// A body in a plane.
#[pyclass(module = "fastigial._core", frozen)]
pub struct Body {
    pub held: Held,
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

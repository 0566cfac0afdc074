//! Bodies against what is known of them: conserved energy, orders of convergence, two routes to one answer.

use super::arm::{Arm, Links};
use super::body::{Body, Method, Stepping};
use super::field::Field;
use super::muscles::{MuscleArm, Muscles};
use super::point_mass::PointMass;
use super::trajectory::{Course, Gradients, pull_back, run};
use crate::monitor::{Flow, Monitor, Progress, Silent};
use crate::numerics::parallel::Threads;

const METHODS: [Method; 2] = [Method::SemiImplicitEuler, Method::RungeKutta];

fn links() -> Links {
    Links { masses: [1.82, 1.43], lengths: [0.309, 0.333], centres: [0.135, 0.165], inertias: [0.051, 0.057] }
}

fn arm(damping: f64) -> Arm {
    Arm::new(&links(), damping, None).unwrap()
}

fn muscle_arm() -> MuscleArm {
    let muscles = Muscles {
        max_forces: [838.0, 1207.0, 1422.0, 1549.0, 414.0, 603.0],
        rest_lengths: [0.151, 0.2322, 0.2859, 0.2355, 0.3329, 0.2989],
        linear: [[-0.03, 0.0], [0.03, 0.0], [0.0, -0.014], [0.0, 0.025], [-0.03, -0.016], [0.03, 0.03]],
        quadratic: [[0.0, 0.0], [0.0, 0.0], [0.0, -4e-3], [0.0, -2.2e-3], [0.0, -5.7e-3], [0.0, -3.2e-3]],
        activation_time: 0.015,
        deactivation_time: 0.05,
        min_activation: 0.001,
    };
    MuscleArm { arm: arm(0.1), muscles: muscles.checked().unwrap() }
}

/// Numbers between low and high that look like chance.
fn numbers(n: usize, low: f64, high: f64, seed: f64) -> Vec<f64> {
    (0..n).map(|i| low + (high - low) * ((i as f64 + seed) * 0.754_877_666).fract()).collect()
}

fn fields() -> Vec<Field> {
    let curl = Field { viscosity: [0.0, 13.0, -13.0, 0.0], ..Field::default() };
    let spring = Field { stiffness: [90.0, 20.0, -10.0, 40.0], origin: [0.1, 0.3], ..curl };
    vec![Field::default(), curl, spring]
}

/// The end of one second from a bent arm, with constant torques and a curl field.
fn end<B: Body>(body: &B, method: Method, n_steps: usize, control: &[f64]) -> Vec<f64> {
    let stepping = Stepping::new(method, 1, 0.25 / n_steps as f64).unwrap();
    let mut state = [0.7, 1.1, 0.9, -0.6, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1];
    for _ in 0..n_steps {
        stepping.step(body, &mut state[..B::N_STATES], control, [0.4, -0.2], &fields()[1]);
    }
    state[..B::N_STATES].to_vec()
}

fn order<B: Body>(body: &B, method: Method, control: &[f64], n_steps: usize) -> f64 {
    let exact = end(body, Method::RungeKutta, 4096, control);
    let error = |n| {
        let got = end(body, method, n, control);
        got.iter().zip(&exact).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    };
    (error(n_steps) / error(2 * n_steps)).log2()
}

#[test]
fn the_orders_of_convergence_are_one_and_four() {
    let torque = [0.8, -0.5];
    // Activations that only rise or only fall: no kink on the way.
    let excitation = [0.3, 0.01, 0.4, 0.02, 0.25, 0.03];
    for (method, expected, n_steps, tolerance) in
        [(Method::SemiImplicitEuler, 1.0, 512, 0.05), (Method::RungeKutta, 4.0, 64, 0.2)]
    {
        for found in [
            order(&arm(0.1), method, &torque, n_steps),
            order(&PointMass::new(1.2, 0.3).unwrap(), method, &torque, n_steps),
            order(&muscle_arm(), method, &excitation, n_steps),
        ] {
            assert!((found - expected).abs() < tolerance, "{method:?}: {found}");
        }
    }
}

#[test]
fn an_arm_that_nothing_drives_keeps_its_energy() {
    let arm = arm(0.0);
    let drift = |method, n_steps: usize| {
        let stepping = Stepping::new(method, 1, 1.0 / n_steps as f64).unwrap();
        let mut state = [0.3, 1.4, 2.0, -3.0];
        let before = arm.energy(&state);
        let mut largest = 0.0_f64;
        for _ in 0..n_steps {
            stepping.step(&arm, &mut state, &[0.0; 2], [0.0; 2], &Field::default());
            largest = largest.max((arm.energy(&state) / before - 1.0).abs());
        }
        largest
    };
    assert!(drift(Method::RungeKutta, 1000) < 1e-9);
    // Semi-implicit Euler: the error of energy falls with dt.
    let errors = [1000, 2000, 4000].map(|n| drift(Method::SemiImplicitEuler, n));
    for pair in errors.windows(2) {
        assert!((1.8..2.2).contains(&(pair[0] / pair[1])), "{errors:?}");
    }
}

#[test]
fn power_is_the_rate_of_energy() {
    let arm = arm(0.2);
    for (state, torque, force) in
        [([0.3, 1.4, 2.0, -3.0], [1.0, 0.5], [2.0, -1.0]), ([1.0, 0.2, -1.0, 0.4], [0.0, -2.0], [0.0, 4.0])]
    {
        let [a1, a2] = arm.acceleration(&state[..], &torque, force);
        let h = 1e-6;
        let moved = |h: f64| {
            let [q1, q2, v1, v2] = state;
            arm.energy(&[q1 + h * v1, q2 + h * v2, v1 + h * a1, v2 + h * a2])
        };
        let rate = (moved(h) - moved(-h)) / (2.0 * h);
        let [_, _, vx, vy] = arm.hand(&state[..]);
        let friction = 0.2 * (state[2] * state[2] + state[3] * state[3]);
        let power = torque[0] * state[2] + torque[1] * state[3] + force[0] * vx + force[1] * vy - friction;
        assert!((rate - power).abs() < 1e-7, "{rate} against {power}");
    }
}

#[test]
fn inverse_dynamics_undo_forward_dynamics() {
    let (arm, mass) = (arm(0.2), PointMass::new(0.7, 0.1).unwrap());
    for seed in 0..20 {
        let seed = f64::from(seed) * 10.0;
        let state = numbers(4, 0.1, 2.0, seed);
        let [force, drive] = [numbers(2, -5.0, 5.0, seed + 4.0), numbers(2, -3.0, 3.0, seed + 6.0)];
        let force = [force[0], force[1]];
        let arms = arm.inverse_dynamics(&state, arm.acceleration(&state, &drive, force), force);
        let masses = mass.inverse_dynamics(&state, mass.acceleration(&state, &drive, force), force);
        for i in 0..2 {
            assert!((arms[i] - drive[i]).abs() < 1e-12 && (masses[i] - drive[i]).abs() < 1e-12);
        }
    }
}

#[test]
fn kinematics_come_back() {
    let arm = arm(0.0);
    for seed in 0..30 {
        let seed = f64::from(seed) * 4.0;
        let mut state = numbers(4, -2.5, 2.5, seed);
        state[1] = 0.05 + state[1].abs();
        let back = arm.joints(arm.hand(&state[..])).unwrap();
        for (got, expected) in back.iter().zip(&state) {
            assert!((got - expected).abs() < 1e-9, "{back:?} against {state:?}");
        }
    }
    assert_eq!(arm.joints([0.7, 0.0, 0.0, 0.0]), None);
    assert_eq!(arm.joints([f64::NAN, 0.0, 0.0, 0.0]), None);
    assert!(arm.joints([0.642, 0.0, 0.0, 0.0]).unwrap()[1] < 1e-6);
}

#[test]
fn the_hand_moves_as_its_velocity_says() {
    let (arm, h) = (arm(0.0), 1e-6);
    let [_, _, vx, vy] = arm.hand(&[0.4, 1.2, 0.8, -1.5]);
    let at = |h: f64| arm.hand(&[0.4 + h * 0.8, 1.2 - h * 1.5, 0.0, 0.0]);
    let [after, before] = [at(h), at(-h)];
    assert!(((after[0] - before[0]) / (2.0 * h) - vx).abs() < 1e-8);
    assert!(((after[1] - before[1]) / (2.0 * h) - vy).abs() < 1e-8);
}

#[test]
fn moment_arms_are_slopes_of_lengths() {
    let (muscles, h) = (muscle_arm().muscles, 1e-6);
    let (_, moment_arms) = muscles.geometry([0.9, 1.3]);
    for joint in 0..2 {
        let at = |h: f64| {
            let mut angles = [0.9, 1.3];
            angles[joint] += h;
            muscles.geometry(angles).0
        };
        let [after, before] = [at(h), at(-h)];
        for m in 0..6 {
            assert!(((after[m] - before[m]) / (2.0 * h) - moment_arms[m][joint]).abs() < 1e-9);
        }
    }
    // Virtual work: one muscle alone does τ·dq = −F dl.
    let torques = muscles.torques(&[0.9, 1.3], &[0.0, 0.0, 0.0, 0.0, 0.5, 0.0]);
    assert!((torques[0] + 207.0 * moment_arms[4][0]).abs() < 1e-9);
    assert!((torques[1] + 207.0 * moment_arms[4][1]).abs() < 1e-9);
}

#[test]
fn activation_rises_faster_than_it_falls_and_never_overshoots() {
    let body = muscle_arm();
    for method in METHODS {
        let stepping = Stepping::new(method, 1, 0.01).unwrap();
        let mut state = [0.7, 1.1, 0.0, 0.0, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001];
        let mut last = 0.001;
        for _ in 0..8 {
            stepping.step(&body, &mut state, &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0; 2], &Field::default());
            assert!(state[4] > last && state[4] <= 1.0 && state[5] == 0.001);
            last = state[4];
        }
        let risen = state[4];
        for _ in 0..8 {
            stepping.step(&body, &mut state, &[0.0; 6], [0.0; 2], &Field::default());
            assert!(state[4] < last && state[4] >= 0.001);
            last = state[4];
        }
        assert!(risen > 0.9 && last > 0.1);
    }
}

#[test]
fn joints_are_stopped_at_their_limits() {
    let degree = std::f64::consts::PI / 180.0;
    let arm = Arm::new(&links(), 0.0, Some([[0.0, 135.0 * degree], [0.0, 155.0 * degree]])).unwrap();
    for method in METHODS {
        let stepping = Stepping::new(method, 2, 0.01).unwrap();
        let mut state = [2.2, 2.5, 3.0, 3.0];
        for _ in 0..50 {
            stepping.step(&arm, &mut state, &[3.0, 3.0], [0.0; 2], &Field::default());
        }
        assert_eq!(state, [135.0 * degree, 155.0 * degree, 0.0, 0.0]);
        for _ in 0..5 {
            stepping.step(&arm, &mut state, &[0.0, -3.0], [0.0; 2], &Field::default());
        }
        assert!(state[1] < 155.0 * degree && state[3] < 0.0);
    }
}

/// Random movements of three trials in three fields, and the gradient of the sum of states times weights, squared.
struct Movement<'a, B> {
    body: &'a B,
    stepping: Stepping,
    start: Vec<f64>,
    controls: Vec<f64>,
    loads: Vec<f64>,
    fields: Vec<Field>,
}

const STEPS: usize = 12;

impl<'a, B: Body> Movement<'a, B> {
    fn new(body: &'a B, method: Method) -> Self {
        let mut start = numbers(3 * B::N_STATES, 0.2, 0.9, 3.0);
        for state in start.chunks_exact_mut(B::N_STATES) {
            state[1] += 0.5;
        }
        Self {
            body,
            stepping: Stepping::new(method, 2, 0.01).unwrap(),
            start,
            controls: numbers(3 * STEPS * B::N_CONTROLS, 0.05, 0.95, 7.0),
            loads: numbers(3 * STEPS * 2, -3.0, 3.0, 11.0),
            fields: fields(),
        }
    }

    fn course(&self) -> Course<'_, f64> {
        Course {
            stepping: self.stepping,
            n_trials: 3,
            n_steps: STEPS,
            controls: &self.controls,
            loads: Some(&self.loads),
            fields: &self.fields,
        }
    }

    fn states(&self) -> Vec<f64> {
        run(self.body, &self.start, &self.course(), &Threads::one(), &mut Silent).unwrap()
    }

    fn weights() -> Vec<f64> {
        numbers(3 * (STEPS + 1) * B::N_STATES, -1.0, 1.0, 0.5)
    }

    fn loss(&self) -> f64 {
        self.states().iter().zip(Self::weights()).map(|(s, w)| w * s * s).sum()
    }

    fn gradients(&self, threads: &Threads) -> Gradients<f64> {
        let states = self.states();
        let outer: Vec<f64> = states.iter().zip(Self::weights()).map(|(s, w)| 2.0 * w * s).collect();
        pull_back(self.body, &states, &outer, &self.course(), threads, &mut Silent).unwrap()
    }

    /// Relative distance of the gradients from central finite differences.
    fn distances(&mut self) -> [f64; 3] {
        let exact = self.gradients(&Threads::one());
        let parts = [&exact.start, &exact.controls, &exact.loads];
        let values = |movement: &mut Self, part: usize, at: usize, change: f64| {
            let array = match part {
                0 => &mut movement.start,
                1 => &mut movement.controls,
                _ => &mut movement.loads,
            };
            array[at] += change;
        };
        std::array::from_fn(|part| {
            let (mut difference, mut size) = (0.0, 0.0);
            for (at, exact) in parts[part].iter().enumerate() {
                let h = 1e-5;
                values(self, part, at, h);
                let above = self.loss();
                values(self, part, at, -2.0 * h);
                let below = self.loss();
                values(self, part, at, h);
                difference += (exact - (above - below) / (2.0 * h)).powi(2);
                size += exact.powi(2);
            }
            assert!(size > 0.0);
            (difference / size).sqrt()
        })
    }
}

fn gradients_are_exact<B: Body>(body: &B) {
    for method in METHODS {
        let distances = Movement::new(body, method).distances();
        assert!(distances.iter().all(|&distance| distance < 1e-6), "{method:?}: {distances:?}");
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    gradients_are_exact(&PointMass::new(1.2, 0.3).unwrap());
    gradients_are_exact(&arm(0.1));
    gradients_are_exact(&muscle_arm());
}

#[test]
fn threads_change_nothing() {
    // Without limits such muscles spin the arm until steps of 10 ms no longer follow.
    let limits = Some([[0.0, 2.356], [0.0, 2.705]]);
    let body = MuscleArm { arm: Arm::new(&links(), 0.1, limits).unwrap(), ..muscle_arm() };
    let (n_trials, n_steps) = (37, 100);
    let start = numbers(n_trials * 10, 0.2, 0.9, 1.0);
    let controls = numbers(n_trials * n_steps * 6, 0.0, 1.0, 2.0);
    let course = Course {
        stepping: Stepping::new(Method::SemiImplicitEuler, 1, 0.01).unwrap(),
        n_trials,
        n_steps,
        controls: &controls,
        loads: None,
        fields: &fields()[1..2],
    };
    let of = |n_threads| {
        let threads = Threads::new(Some(n_threads)).unwrap();
        let states = run(&body, &start, &course, &threads, &mut Silent).unwrap();
        let gradients = pull_back(&body, &states, &states, &course, &threads, &mut Silent).unwrap();
        (states, gradients)
    };
    let alone = of(1);
    assert!(of(2) == alone && of(5) == alone);
}

#[test]
fn a_caller_who_says_stop_is_heard() {
    struct No;
    impl Monitor for No {
        fn report(&mut self, _: Progress) -> Flow {
            Flow::Stop
        }
    }
    let body = arm(0.1);
    let start = numbers(12, 0.2, 0.9, 3.0);
    let controls = vec![0.0; 3 * STEPS * 2];
    let course = Course {
        stepping: Stepping::new(Method::RungeKutta, 1, 0.01).unwrap(),
        n_trials: 3,
        n_steps: STEPS,
        controls: &controls,
        loads: None,
        fields: &[Field::default()],
    };
    let error = run(&body, &start, &course, &Threads::one(), &mut No).unwrap_err();
    assert_eq!(error, crate::error::Error::Interrupted);
}

#[test]
fn states_that_leave_the_numbers_are_an_error() {
    let body = PointMass::new(1.0, 0.0).unwrap();
    let controls = vec![0.0; 4000];
    let course = Course {
        stepping: Stepping::new(Method::SemiImplicitEuler, 1, 1.0).unwrap(),
        n_trials: 1,
        n_steps: 2000,
        controls: &controls,
        loads: None,
        fields: &[Field { viscosity: [1e3, 0.0, 0.0, 1e3], ..Field::default() }],
    };
    let error = run(&body, &[0.0, 0.0, 1.0, 0.0], &course, &Threads::one(), &mut Silent).unwrap_err();
    assert!(error.to_string().starts_with("the state is not finite after step 10"), "{error}");
}

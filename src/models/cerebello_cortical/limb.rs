//! The limb, the forces on its hand, and what is seen and felt of it.

use super::Condition;
use crate::cerebellum::delay_line::DelayLine;
use crate::error::{Error, Result};
use crate::plant::arm::Arm;
use crate::plant::body::{Body, Stepping};
use crate::plant::field::Field;
use crate::plant::point_mass::PointMass;

/// Stiffness and damping of a channel's walls, N/m and N s/m: those of `Channel` in Python.
const WALL: [f64; 2] = [2000.0, 50.0];

/// Bodies that can be moved.
#[derive(Debug, Clone)]
pub enum Kind {
    /// By forces.
    Mass(PointMass),
    /// By torques.
    Arm(Arm),
}

/// What is moved, from where.
#[derive(Debug, Clone)]
pub struct Limb {
    kind: Kind,
    stepping: Stepping,
    start: [f64; 4],
    origin: [f64; 2],
}

impl Limb {
    /// At rest in a state.
    pub fn new(kind: Kind, stepping: Stepping, start: [f64; 4]) -> Result<Self> {
        match &kind {
            Kind::Mass(mass) => mass.check_state(&start)?,
            Kind::Arm(arm) => arm.check_state(&start)?,
        }
        let mut limb = Self { kind, stepping, start, origin: [0.0; 2] };
        let [x, y, ..] = limb.hand_of(&start);
        limb.origin = [x, y];
        Ok(limb)
    }

    fn hand_of(&self, state: &[f64; 4]) -> [f64; 4] {
        match &self.kind {
            Kind::Mass(mass) => mass.hand(state),
            Kind::Arm(arm) => arm.hand(state),
        }
    }

    /// A force on the hand as a command: Jᵀ F.
    fn command_of(&self, state: &[f64], force: [f64; 2]) -> [f64; 2] {
        match &self.kind {
            Kind::Mass(_) => force,
            Kind::Arm(arm) => {
                let jacobian = arm.jacobian(state);
                [0, 1].map(|k| jacobian[0][k] * force[0] + jacobian[1][k] * force[1])
            }
        }
    }

    fn step(&self, state: &mut [f64; 4], command: [f64; 2], field: &Field) {
        match &self.kind {
            Kind::Mass(mass) => self.stepping.step(mass, state, &command, [0.0; 2], field),
            Kind::Arm(arm) => self.stepping.step(arm, state, &command, [0.0; 2], field),
        }
    }
}

/// What is seen of the hand, and what it is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Senses {
    /// d, steps.
    pub delay: usize,
    /// k_p, N/m.
    pub stiffness: f64,
    /// k_v, N s/m.
    pub damping: f64,
    /// ρ.
    pub reflex: f64,
}

/// The limb in one trial.
pub struct Reach<'a> {
    limb: &'a Limb,
    senses: Senses,
    rotation: f64,
    /// Unit vector from the start to where the target path ends, if only this counts.
    line: Option<[f64; 2]>,
    field: Field,
    /// s.
    pub state: [f64; 4],
    /// p and v, s − s_0, p* and v* on their way to the senses.
    way: DelayLine<f64>,
}

impl<'a> Reach<'a> {
    /// At rest in the start, with a path that ends somewhere else.
    pub fn new(limb: &'a Limb, senses: Senses, condition: Condition, end: &[f64]) -> Result<Self> {
        let length = end[0].hypot(end[1]);
        if length == 0.0 && condition.channel {
            return Err(Error::value("target", "one that ends in the start", "a direction for the channel"));
        }
        let line = condition.channel.then(|| [end[0] / length, end[1] / length]);
        let mut field = Field { viscosity: condition.field, origin: limb.origin, ..Field::default() };
        if let Some([x, y]) = line {
            let across = [y * y, -x * y, -x * y, x * x];
            field.stiffness = across.map(|n| WALL[0] * n);
            for (v, n) in field.viscosity.iter_mut().zip(across) {
                *v -= WALL[1] * n;
            }
        }
        let way = DelayLine::new(12, senses.delay, 0.0)?;
        Ok(Self { limb, senses, rotation: condition.rotation, line, field, state: limb.start, way })
    }

    /// p and v.
    pub fn hand(&self) -> [f64; 4] {
        let [x, y, vx, vy] = self.limb.hand_of(&self.state);
        [x - self.limb.origin[0], y - self.limb.origin[1], vx, vy]
    }

    /// Target path, hand and state of this step set out for the senses.
    pub fn send(&mut self, hand: &[f64; 4], target: &[f64]) {
        let into = self.way.departing();
        into[..4].copy_from_slice(hand);
        for (into, (state, start)) in into[4..8].iter_mut().zip(self.state.iter().zip(&self.limb.start)) {
            *into = state - start;
        }
        into[8..].copy_from_slice(target);
    }

    /// s − s_0, as it is felt.
    pub fn felt(&self) -> &[f64] {
        &self.way.arriving()[4..8]
    }

    /// ε, as a command.
    pub fn error(&self) -> [f64; 2] {
        let arrived = self.way.arriving();
        let (hand, target) = (&arrived[..4], &arrived[8..]);
        let place = turned(self.rotation, [hand[0], hand[1]]);
        let velocity = turned(self.rotation, [hand[2], hand[3]]);
        let Senses { stiffness, damping, .. } = self.senses;
        let mut error =
            [0, 1].map(|k| stiffness * (target[k] - place[k]) + damping * (target[2 + k] - velocity[k]));
        if let Some([x, y]) = self.line {
            let along = error[0] * x + error[1] * y;
            error = [along * x, along * y];
        }
        let mut state = self.limb.start;
        for (state, felt) in state.iter_mut().zip(self.felt()) {
            *state += felt;
        }
        self.limb.command_of(&state, error)
    }

    /// Moves the limb on by a step under a command.
    pub fn advance(&mut self, command: [f64; 2], error: [f64; 2]) {
        let driven = [0, 1].map(|k| command[k] + self.senses.reflex * error[k]);
        self.limb.step(&mut self.state, driven, &self.field);
    }
}

/// A vector turned by an angle, counter-clockwise.
pub fn turned(angle: f64, vector: [f64; 2]) -> [f64; 2] {
    let (sin, cos) = angle.sin_cos();
    [cos * vector[0] - sin * vector[1], sin * vector[0] + cos * vector[1]]
}

/// The angle that turns a vector into the direction of another.
pub fn between(from: [f64; 2], to: [f64; 2]) -> f64 {
    (from[0] * to[1] - from[1] * to[0]).atan2(from[0] * to[0] + from[1] * to[1])
}

//! Gradient descent: plain or with momentum, Adam and AdamW, with clipping by the global norm.
//!
//! ```text
//! n = √(Σ g²) over all arrays of all groups;   g ← g min(1, clip / n)
//! SGD    g ← g + λ p;   v ← μ v + g;   p ← p − η v
//! Adam   g ← g + λ p;   m ← β₁ m + (1 − β₁) g;   s ← β₂ s + (1 − β₂) g²
//!        p ← p − η / (1 − β₁ᵗ) · m / (√s / √(1 − β₂ᵗ) + ε)
//! AdamW  p ← (1 − η λ) p, then as Adam without λ
//! ```
//!
//! | symbol | name | what |
//! | --- | --- | --- |
//! | p, g | `values`, `gradient` | parameters and their gradient |
//! | η, λ | `learning_rate`, `weight_decay` | step size and decay |
//! | μ, v | `momentum` | memory of gradients |
//! | β₁, m; β₂, s | `beta1`, `first_moment`; `beta2`, `second_moment` | running means of g and g² |
//! | ε, t | `epsilon`, `n_steps` | guard against division by zero; steps so far |
//!
//! Adam: Kingma and Ba 2015 (ICLR); AdamW: Loshchilov and Hutter 2019 (ICLR). As in PyTorch, ε stands outside the corrected root,
//! gradients do not lose weight to momentum (no dampening), and clipping comes before decay.

use super::parameters::{Parameter, Parameters};
use crate::error::{Error, Result};
use crate::real::Real;

mod kernels;

/// Which rule turns gradients into steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Gradient descent.
    Sgd {
        /// μ; zero for none.
        momentum: f64,
    },
    /// Adam; weight decay is a part of the gradient.
    Adam {
        /// β₁.
        beta1: f64,
        /// β₂.
        beta2: f64,
        /// ε.
        epsilon: f64,
    },
    /// Adam with weight decay apart from the gradient.
    AdamW {
        /// β₁.
        beta1: f64,
        /// β₂.
        beta2: f64,
        /// ε.
        epsilon: f64,
    },
}

impl Method {
    /// What is remembered of each parameter.
    fn memories(self) -> &'static [&'static str] {
        match self {
            Self::Sgd { momentum: 0.0 } => &[],
            Self::Sgd { .. } => &["momentum"],
            Self::Adam { .. } | Self::AdamW { .. } => &["first_moment", "second_moment"],
        }
    }
}

/// A rule with its settings and what it remembers.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimizer<R> {
    method: Method,
    learning_rate: f64,
    weight_decay: f64,
    clip: Option<f64>,
    n_steps: u64,
    /// Named "memory.group.parameter", group by group; empty before the first step.
    memory: Parameters<R>,
}

impl<R: Real> Optimizer<R> {
    /// An optimiser that has made no step yet.
    pub fn new(method: Method, learning_rate: f64, weight_decay: f64, clip: Option<f64>) -> Result<Self> {
        match method {
            Method::Sgd { momentum } => fraction("momentum", momentum)?,
            Method::Adam { beta1, beta2, epsilon } | Method::AdamW { beta1, beta2, epsilon } => {
                fraction("beta1", beta1)?;
                fraction("beta2", beta2)?;
                // Rounded to the parameters' precision it must still be there.
                if !(epsilon.is_finite() && R::from_f64(epsilon) > R::ZERO) {
                    return Err(Error::value("epsilon", epsilon, "a small positive number"));
                }
            }
        }
        if let Some(clip) = clip
            && !(clip.is_finite() && clip > 0.0)
        {
            return Err(Error::value("clip", clip, "a positive number"));
        }
        let weight_decay = not_negative("weight_decay", weight_decay)?;
        let learning_rate = not_negative("learning_rate", learning_rate)?;
        Ok(Self { method, learning_rate, weight_decay, clip, n_steps: 0, memory: Parameters::new() })
    }

    /// η.
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// Changes η from the next step on.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        self.learning_rate = not_negative("learning_rate", learning_rate)?;
        Ok(())
    }

    /// The number of steps so far, and what is remembered: arrays named "memory.group.parameter", none before the first step.
    pub fn state(&self) -> (u64, &Parameters<R>) {
        (self.n_steps, &self.memory)
    }

    /// Goes on from a state: the next step is to the bit what it would have been. Whether the arrays fit the
    /// parameters is checked by that step.
    pub fn set_state(&mut self, n_steps: u64, memory: Parameters<R>) -> Result<()> {
        let memories = self.method.memories();
        let known = |name: &str| name.split_once('.').is_some_and(|(memory, _)| memories.contains(&memory));
        if let Some(odd) = memory.iter().find(|array| !known(&array.name)) {
            return Err(Error::value(
                "state",
                &odd.name,
                format!("names that begin with one of {memories:?}"),
            ));
        }
        let negative = |array: &Parameter<R>| {
            array.name.starts_with("second_moment") && array.values.iter().any(|&value| value < R::ZERO)
        };
        if !memory.all_finite() || memory.iter().any(negative) {
            return Err(Error::value("state", "out of range", "finite numbers, no mean of squares below 0"));
        }
        if (n_steps == 0 || memories.is_empty()) != memory.is_empty() {
            let got = format!("{n_steps} steps and {} arrays", memory.len());
            return Err(Error::value(
                "state",
                got,
                "arrays for every method that remembers, once a step was made",
            ));
        }
        (self.n_steps, self.memory) = (n_steps, memory);
        Ok(())
    }

    /// One step for groups of (parameters, gradient); the same groups in the same order each time. Returns the global
    /// norm of the gradients before clipping. When anything is wrong, a gradient that is not finite included, nothing changes.
    pub fn step(&mut self, groups: &mut [(&mut Parameters<R>, &Parameters<R>)]) -> Result<f64> {
        for (parameters, gradient) in groups.iter() {
            parameters.check_layout("gradient", gradient)?;
        }
        let norm = groups.iter().map(|(_, gradient)| gradient.squared_norm()).sum::<f64>().sqrt();
        if !norm.is_finite() {
            return Err(Error::value("gradient", format!("of norm {norm}"), "finite numbers"));
        }
        let n_memories = self.method.memories().len();
        let fresh = if self.memory.is_empty() { Some(self.blank(groups)?) } else { self.arranged(groups)? };
        self.check_memory(fresh.as_ref().unwrap_or(&self.memory), groups)?;
        if let Some(fresh) = fresh {
            self.memory = fresh;
        }
        self.n_steps += 1;
        let scale = self.clip.map_or(1.0, |clip| if norm > clip { clip / norm } else { 1.0 });
        let coefficients = self.coefficients(scale);
        let mut memory = self.memory.iter_mut().map(|array| array.values.as_mut_slice());
        for (parameters, gradient) in groups.iter_mut() {
            for (array, gradient) in parameters.iter_mut().zip(gradient.iter()) {
                let values = array.values.as_mut_slice();
                let mut next = || memory.next().unwrap_or_default();
                match n_memories {
                    0 => kernels::descend(values, &gradient.values, coefficients),
                    1 => kernels::descend_with_momentum(values, &gradient.values, next(), coefficients),
                    _ => kernels::adam(values, &gradient.values, next(), next(), coefficients),
                }
            }
        }
        Ok(norm)
    }

    /// The constants of one step, worked out in double precision.
    fn coefficients(&self, scale: f64) -> kernels::Coefficients<R> {
        let (rate, decay) = (self.learning_rate, self.weight_decay);
        let (keep, decay) = match self.method {
            Method::AdamW { .. } => (1.0 - rate * decay, 0.0),
            Method::Sgd { .. } | Method::Adam { .. } => (1.0, decay),
        };
        let (first, second, epsilon) = match self.method {
            Method::Sgd { momentum } => (momentum, 0.0, 0.0),
            Method::Adam { beta1, beta2, epsilon } | Method::AdamW { beta1, beta2, epsilon } => {
                (beta1, beta2, epsilon)
            }
        };
        let (rate, root) = match self.method {
            Method::Sgd { .. } => (rate, 1.0),
            Method::Adam { .. } | Method::AdamW { .. } => {
                let t = self.n_steps as f64;
                (rate / (1.0 - first.powf(t)), 1.0 / (1.0 - second.powf(t)).sqrt())
            }
        };
        kernels::Coefficients {
            scale: R::from_f64(scale),
            decay: R::from_f64(decay),
            keep: R::from_f64(keep),
            rate: R::from_f64(rate),
            first: R::from_f64(first),
            one_minus_first: R::from_f64(1.0 - first),
            second: R::from_f64(second),
            one_minus_second: R::from_f64(1.0 - second),
            root: R::from_f64(root),
            epsilon: R::from_f64(epsilon),
        }
    }

    /// Zeros for all that is to be remembered.
    fn blank(&self, groups: &[(&mut Parameters<R>, &Parameters<R>)]) -> Result<Parameters<R>> {
        let mut memory = Parameters::new();
        for (group, (parameters, _)) in groups.iter().enumerate() {
            for array in parameters.iter() {
                for slot in self.method.memories() {
                    let zeros = vec![R::ZERO; array.values.len()];
                    memory.push(format!("{slot}.{group}.{}", array.name), &array.shape, zeros)?;
                }
            }
        }
        Ok(memory)
    }

    /// What is remembered in the order of the parameters, if it came in another (as from a file); all of it or None.
    fn arranged(&self, groups: &[(&mut Parameters<R>, &Parameters<R>)]) -> Result<Option<Parameters<R>>> {
        let names = || {
            groups.iter().enumerate().flat_map(|(group, (parameters, _))| {
                let slots = self.method.memories();
                parameters.iter().flat_map(move |p| slots.iter().map(move |s| (*s, group, p.name.as_str())))
            })
        };
        let is = |name: &str, (slot, group, parameter): (&str, usize, &str)| {
            let rest = name.strip_prefix(slot).and_then(|rest| rest.strip_prefix('.'));
            rest.and_then(|rest| rest.split_once('.'))
                .is_some_and(|(at, rest)| at.parse() == Ok(group) && rest == parameter)
        };
        if names().zip(self.memory.iter()).all(|(wanted, array)| is(&array.name, wanted)) {
            return Ok(None);
        }
        let mut arranged = Parameters::new();
        for wanted in names() {
            let Some(array) = self.memory.iter().find(|array| is(&array.name, wanted)) else {
                return Ok(None);
            };
            arranged.push(array.name.clone(), &array.shape, array.values.clone())?;
        }
        Ok((arranged.len() == self.memory.len()).then_some(arranged))
    }

    /// Whether what is remembered belongs to these parameters.
    fn check_memory(
        &self,
        memory: &Parameters<R>,
        groups: &[(&mut Parameters<R>, &Parameters<R>)],
    ) -> Result<()> {
        let mut arrays = memory.iter();
        for (group, (parameters, _)) in groups.iter().enumerate() {
            for array in parameters.iter() {
                for slot in self.method.memories() {
                    let fits = arrays.next().is_some_and(|memory| {
                        let name = memory.name.strip_prefix(slot).and_then(|rest| rest.strip_prefix('.'));
                        let parts = name.and_then(|rest| rest.split_once('.'));
                        parts.is_some_and(|(at, name)| at.parse() == Ok(group) && name == array.name)
                            && memory.shape == array.shape
                    });
                    if !fits {
                        let got = format!("without an array of shape {:?} at its place", array.shape);
                        return Err(Error::value("state", got, format!("{slot}.{group}.{}", array.name)));
                    }
                }
            }
        }
        match arrays.next() {
            None => Ok(()),
            Some(extra) => Err(Error::value("state", &extra.name, "arrays of these parameters only")),
        }
    }
}

fn fraction(argument: &'static str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::value(argument, value, "at least 0 and below 1"))
}

fn not_negative(argument: &'static str, value: f64) -> Result<f64> {
    if value.is_finite() && value >= 0.0 {
        return Ok(value);
    }
    Err(Error::value(argument, value, "a finite number that is not negative"))
}

#[cfg(test)]
mod tests;

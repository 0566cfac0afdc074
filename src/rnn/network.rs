//! A recurrent network: structure, weights, and what holds between them.

use std::collections::BTreeMap;

use super::structure::{Cell, RecurrentDelays, Structure};
use crate::error::{Error, Result};
use crate::network::parameters::{Parameter, Parameters};
use crate::real::Real;

/// Smallest leak α that training may reach.
const SMALLEST_LEAK: f64 = 1e-3;

/// What holds of the weights whatever is learned.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Constraints {
    /// Which entries of a parameter exist; the others are zero.
    pub exists: BTreeMap<String, Vec<bool>>,
    /// Which entries of a parameter may be learned; the others stay.
    pub learned: BTreeMap<String, Vec<bool>>,
    /// Dale's law: the sign, +1 or −1, of what each unit sends to the others (0: either).
    pub signs: Option<Vec<i8>>,
}

/// Structure and weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Network<R> {
    structure: Structure,
    constraints: Constraints,
    parameters: Parameters<R>,
    /// What entries that are not learned go back to.
    fixed: BTreeMap<String, Vec<R>>,
}

impl<R: Real> Network<R> {
    /// Checks that everything fits together, and applies the constraints.
    pub fn new(structure: Structure, constraints: Constraints, parameters: Parameters<R>) -> Result<Self> {
        structure.check()?;
        check_parameters(&structure, &parameters)?;
        check_constraints(&structure, &constraints, &parameters)?;
        if !parameters.all_finite() {
            return Err(Error::value("parameters", "not finite", "finite numbers"));
        }
        let mut network = Self { structure, constraints, parameters, fixed: BTreeMap::new() };
        network.fix();
        Ok(network)
    }

    /// What it is made of.
    pub fn structure(&self) -> &Structure {
        &self.structure
    }

    /// Its weights.
    pub fn parameters(&self) -> &Parameters<R> {
        &self.parameters
    }

    /// Its weights, to be changed; call [`Network::constrain`] afterwards.
    pub fn parameters_mut(&mut self) -> &mut Parameters<R> {
        &mut self.parameters
    }

    /// Replaces some of the weights.
    pub fn set(&mut self, new: &Parameters<R>) -> Result<()> {
        for entry in new {
            let Some(known) = self.parameters.get(&entry.name) else {
                let names: Vec<&str> = self.parameters.iter().map(|p| p.name.as_str()).collect();
                return Err(Error::value(
                    "parameters",
                    &entry.name,
                    format!("names among {}", names.join(", ")),
                ));
            };
            if known.shape != entry.shape {
                return Err(Error::shape(
                    "parameters",
                    &entry.shape,
                    format!("{} of shape {:?}", entry.name, known.shape),
                ));
            }
            if entry.values.iter().any(|v| !v.to_f64().is_finite()) {
                return Err(Error::value(
                    "parameters",
                    format!("not finite in {}", entry.name),
                    "finite numbers",
                ));
            }
        }
        for entry in new {
            if let Some(known) = self.parameters.get_mut(&entry.name) {
                known.values.copy_from_slice(&entry.values);
            }
        }
        self.fix();
        Ok(())
    }

    /// Takes what the weights are now as what those that are not learned stay at.
    fn fix(&mut self) {
        self.fixed.clear();
        self.constrain();
        for name in self.constraints.learned.keys() {
            self.fixed.insert(name.clone(), self.values(name).to_vec());
        }
    }

    /// Values of a parameter; empty if the network has none of that name.
    pub(super) fn values(&self, name: &str) -> &[R] {
        self.parameters.values(name).unwrap_or(&[])
    }

    /// Rank of recurrent weights that are kept factored.
    pub fn rank(&self) -> Option<usize> {
        self.parameters.get("U").map(|u| u.shape[1])
    }

    /// Whether the leak is a parameter.
    pub fn learns_leak(&self) -> bool {
        self.parameters.get("alpha").is_some()
    }

    /// Puts the weights back where the constraints hold: entries that are not learned as they were (weight decay would
    /// move them), absent ones zero, signs right, leaks in range.
    pub fn constrain(&mut self) {
        for (name, fixed) in &self.fixed {
            if let (Some(parameter), Some(learned)) =
                (self.parameters.get_mut(name), self.constraints.learned.get(name))
            {
                for ((value, &fixed), &learned) in parameter.values.iter_mut().zip(fixed).zip(learned) {
                    if !learned {
                        *value = fixed;
                    }
                }
            }
        }
        for (name, exists) in &self.constraints.exists {
            if let Some(parameter) = self.parameters.get_mut(name) {
                for (value, &exists) in parameter.values.iter_mut().zip(exists) {
                    if !exists {
                        *value = R::ZERO;
                    }
                }
            }
        }
        if let (Some(signs), Some(parameter)) = (&self.constraints.signs, self.parameters.get_mut("W")) {
            for row in parameter.values.chunks_exact_mut(signs.len()) {
                for (value, &sign) in row.iter_mut().zip(signs) {
                    if value.to_f64() * f64::from(sign) < 0.0 {
                        *value = R::ZERO;
                    }
                }
            }
        }
        if let Some(alpha) = self.parameters.get_mut("alpha") {
            for value in &mut alpha.values {
                *value = R::from_f64(value.to_f64().clamp(SMALLEST_LEAK, 1.0));
            }
        }
    }

    /// Sets gradients of entries that are absent or not learned to zero.
    pub fn constrain_gradient(&self, gradient: &mut Parameters<R>) {
        for masks in [&self.constraints.exists, &self.constraints.learned] {
            for (name, mask) in masks {
                if let Some(parameter) = gradient.get_mut(name) {
                    for (value, &keep) in parameter.values.iter_mut().zip(mask) {
                        if !keep {
                            *value = R::ZERO;
                        }
                    }
                }
            }
        }
    }

    /// Which connections of the recurrent weights have delay `delay`; None: all of them.
    pub(super) fn delayed_by(&self, delay: usize) -> Option<Vec<bool>> {
        match &self.structure.recurrent_delays {
            RecurrentDelays::Uniform(_) => None,
            RecurrentDelays::PerConnection(delays) => Some(delays.iter().map(|d| *d == delay).collect()),
        }
    }
}

/// Shapes that a network of this structure can have, by name; the flag says whether it must.
fn expected(structure: &Structure, rank: Option<usize>) -> Vec<(&'static str, Vec<usize>, bool)> {
    let (n, i, o) = (structure.n_units, structure.n_inputs, structure.n_outputs);
    let rows = structure.cell.n_gates() * n;
    let mut shapes = vec![("W_in", vec![rows, i], true), ("W_out", vec![o, n], true)];
    if let Some(rank) = rank {
        shapes.extend([("U", vec![rows, rank], true), ("V", vec![n, rank], true)]);
    } else {
        shapes.push(("W", vec![rows, n], true));
    }
    if structure.feedback {
        shapes.push(("W_fb", vec![rows, o], true));
    }
    shapes.extend([("b", vec![rows], false), ("b_out", vec![o], false), ("h0", vec![n], false)]);
    match structure.cell {
        Cell::Gru => shapes.push(("b_n", vec![n], false)),
        Cell::Lstm => shapes.push(("c0", vec![n], false)),
        Cell::Rate { .. } => shapes.push(("alpha", vec![n], false)),
        Cell::Spiking(_) => {}
    }
    shapes
}

fn check_parameters<R: Real>(structure: &Structure, parameters: &Parameters<R>) -> Result<()> {
    let rank = parameters.get("U").map(|u| u.shape.get(1).copied().unwrap_or(0));
    let shapes = expected(structure, rank);
    for Parameter { name, shape, .. } in parameters {
        let Some((_, wanted, _)) = shapes.iter().find(|(known, ..)| known == name) else {
            let names: Vec<&str> = shapes.iter().map(|(name, ..)| *name).collect();
            return Err(Error::value("parameters", name, format!("names among {}", names.join(", "))));
        };
        if shape != wanted {
            return Err(Error::shape("parameters", shape, format!("{name} of shape {wanted:?}")));
        }
    }
    for (name, _, needed) in &shapes {
        if *needed && parameters.get(name).is_none() {
            return Err(Error::value("parameters", format!("without {name}"), "all weights of the network"));
        }
    }
    if rank.is_some() && structure.recurrent_delays.values().len() > 1 {
        return Err(Error::value("delays", "a matrix", "one delay for all connections of low-rank weights"));
    }
    if rank == Some(0) {
        return Err(Error::value("rank", 0, "at least 1"));
    }
    Ok(())
}

fn check_constraints<R: Real>(
    structure: &Structure,
    constraints: &Constraints,
    parameters: &Parameters<R>,
) -> Result<()> {
    for (argument, masks) in [("masks", &constraints.exists), ("trainable", &constraints.learned)] {
        for (name, mask) in masks {
            match parameters.get(name) {
                None => return Err(Error::value(argument, name, "names of the network's parameters")),
                Some(p) if p.values.len() != mask.len() => {
                    return Err(Error::shape(
                        argument,
                        &[mask.len()],
                        format!("{name} of shape {:?}", p.shape),
                    ));
                }
                Some(_) => {}
            }
        }
    }
    if let Some(signs) = &constraints.signs {
        if signs.len() != structure.n_units {
            return Err(Error::shape("dale", &[signs.len()], "one sign per unit"));
        }
        if parameters.get("W").is_none() {
            return Err(Error::value(
                "dale",
                "low-rank weights",
                "full recurrent weights, whose signs can be kept",
            ));
        }
    }
    Ok(())
}

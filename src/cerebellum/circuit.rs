//! From parallel fibres to the nuclei, and from errors to climbing fibres.
//!
//! ```text
//! p_t = W_pf g_t + b_p            Purkinje cells
//! c_t = b_n + s B p_t             nuclei; s = +1, or −1 where Purkinje cells inhibit them
//! f_t = C e_t                     climbing fibres: one for each microzone
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | g | activity of parallel fibres | features |
//! | W_pf, b_p | learned; fixed | Purkinje cells × features; Purkinje cells |
//! | B, b_n | nuclei × Purkinje cells; nuclei | fixed |
//! | e | error: what is missing in the output, NaN where it was not observed | nuclei |
//! | C | zones × nuclei | fixed |
//! | z(q) | `zones`: the microzone of Purkinje cell q, whose climbing fibre all of its cells share | |
//!
//! An error that was not observed is left out of the sum over C; a zone that none of its errors reaches has no climbing
//! fibre signal (NaN), which is not the same as an error of 0.

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::error::{Error, Result};
use crate::linalg::add_product;
use crate::network::parameters::{Parameter, Parameters};
use crate::numerics::simd::{multiply_add, vectorised};
use crate::real::Real;

/// Rows from which on a general product is faster than one dot product after the other.
const MANY_ROWS: usize = 8;

/// Purkinje cells, nuclei and climbing fibres.
#[derive(Debug, Clone, PartialEq)]
pub struct Circuit<R> {
    n_features: usize,
    n_nuclei: usize,
    n_zones: usize,
    zones: Vec<usize>,
    /// The Purkinje cells of each zone.
    members: Vec<Vec<usize>>,
    inhibited: bool,
    parameters: Parameters<R>,
}

impl<R: Real> Circuit<R> {
    /// Checks that all weights are there and fit each other.
    pub fn new(zones: Vec<usize>, inhibited: bool, parameters: Parameters<R>) -> Result<Self> {
        let columns = |name: &'static str| -> Result<usize> {
            match parameters.get(name).map(|p| &p.shape[..]) {
                Some(&[rows, columns]) if rows > 0 && columns > 0 => Ok(columns),
                Some(shape) => {
                    Err(Error::shape("parameters", shape, format!("{name} with two axes, none empty")))
                }
                None => Err(Error::value("parameters", format!("without {name}"), "W_pf, b_p, B, b_n and C")),
            }
        };
        let (n_features, n_purkinje, n_nuclei) = (columns("W_pf")?, columns("B")?, columns("C")?);
        let n_zones = parameters.get("C").map_or(0, |p| p.shape[0]);
        let expected = [
            ("W_pf", vec![n_purkinje, n_features]),
            ("b_p", vec![n_purkinje]),
            ("B", vec![n_nuclei, n_purkinje]),
            ("b_n", vec![n_nuclei]),
            ("C", vec![n_zones, n_nuclei]),
        ];
        for (name, shape) in &expected {
            match parameters.get(name) {
                Some(found) if found.shape == *shape => {}
                found => {
                    let got = found.map_or(&[][..], |p| &p.shape);
                    return Err(Error::shape("parameters", got, format!("{name} of shape {shape:?}")));
                }
            }
        }
        if parameters.len() != expected.len() {
            return Err(Error::value(
                "parameters",
                format!("{} arrays", parameters.len()),
                "W_pf, b_p, B, b_n and C",
            ));
        }
        if zones.len() != n_purkinje || zones.iter().any(|&zone| zone >= n_zones) {
            let expected = format!("one of {n_zones} zones for each of {n_purkinje} Purkinje cells");
            return Err(Error::value("zones", format!("{zones:?}"), expected));
        }
        if !parameters.all_finite() {
            return Err(Error::value("parameters", "not finite", "finite numbers"));
        }
        let mut members = vec![Vec::new(); n_zones];
        for (cell, &zone) in zones.iter().enumerate() {
            members[zone].push(cell);
        }
        Ok(Self { n_features, n_nuclei, n_zones, zones, members, inhibited, parameters })
    }

    /// Parallel fibres.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// Purkinje cells.
    pub fn n_purkinje(&self) -> usize {
        self.zones.len()
    }

    /// Nuclei, which are the module's outputs.
    pub fn n_nuclei(&self) -> usize {
        self.n_nuclei
    }

    /// Microzones.
    pub fn n_zones(&self) -> usize {
        self.n_zones
    }

    /// W_pf of each Purkinje cell of a microzone, to be learned.
    pub fn weights_of_zone(&mut self, zone: usize, mut each: impl FnMut(&mut [R])) {
        let Some(weights) = self.parameters.get_mut("W_pf") else { return };
        for &cell in &self.members[zone] {
            each(&mut weights.values[cell * self.n_features..][..self.n_features]);
        }
    }

    /// s.
    pub fn sign(&self) -> f64 {
        if self.inhibited { -1.0 } else { 1.0 }
    }

    /// All weights.
    pub fn parameters(&self) -> &Parameters<R> {
        &self.parameters
    }

    /// Replaces some of the weights.
    pub fn set(&mut self, new: &Parameters<R>) -> Result<()> {
        let known = |entry: &Parameter<R>| self.parameters.get(&entry.name).map(|p| &p.shape);
        for entry in new {
            match known(entry) {
                None => {
                    return Err(Error::value("parameters", &entry.name, "names among W_pf, b_p, B, b_n, C"));
                }
                Some(shape) if *shape != entry.shape => {
                    let expected = format!("{} of shape {shape:?}", entry.name);
                    return Err(Error::shape("parameters", &entry.shape, expected));
                }
                Some(_) => {}
            }
        }
        if !new.all_finite() {
            return Err(Error::value("parameters", "not finite", "finite numbers"));
        }
        for entry in new {
            if let Some(old) = self.parameters.get_mut(&entry.name) {
                old.values.copy_from_slice(&entry.values);
            }
        }
        Ok(())
    }

    fn values(&self, name: &str) -> &[R] {
        self.parameters.values(name).unwrap_or(&[])
    }

    /// W_pf, row by row.
    pub fn weights(&self) -> &[R] {
        self.values("W_pf")
    }

    /// W_pf, to be learned.
    pub fn weights_mut(&mut self) -> &mut [R] {
        self.parameters.get_mut("W_pf").map_or(&mut [], |p| &mut p.values)
    }

    /// Purkinje cells of rows of parallel fibres.
    pub fn purkinje(&self, features: &[R], out: &mut [R]) {
        rows_times(features, self.weights(), self.n_features, R::ONE, self.values("b_p"), out);
    }

    /// Nuclei of rows of Purkinje cells.
    pub fn nuclei(&self, purkinje: &[R], out: &mut [R]) {
        let sign = R::from_f64(self.sign());
        rows_times(purkinje, self.values("B"), self.n_purkinje(), sign, self.values("b_n"), out);
    }

    /// Climbing fibres of one row of errors.
    pub fn climbing_fibres(&self, errors: &[R], out: &mut [R]) {
        for (fibre, weights) in out.iter_mut().zip(self.values("C").chunks_exact(self.n_nuclei)) {
            let mut sum = None;
            for (&weight, &error) in weights.iter().zip(errors) {
                if weight != R::ZERO && !error.is_nan() {
                    sum = Some(sum.unwrap_or(R::ZERO) + weight * error);
                }
            }
            *fibre = sum.unwrap_or(R::NAN);
        }
    }
}

/// out = bias + sign · rows · weightsᵀ
pub(crate) fn rows_times<R: Real>(
    rows: &[R],
    weights: &[R],
    n_inner: usize,
    sign: R,
    bias: &[R],
    out: &mut [R],
) {
    let (n_rows, n_out) = (rows.len() / n_inner, bias.len());
    let views = (
        ArrayView2::from_shape((n_rows, n_inner), rows),
        ArrayView2::from_shape((n_out, n_inner), weights),
        ArrayViewMut2::from_shape((n_rows, n_out), &mut *out),
    );
    match views {
        (Ok(rows), Ok(weights), Ok(into)) if n_rows >= MANY_ROWS => {
            add_product(into, true, rows, weights.t());
        }
        _ => {
            for (row, into) in rows.chunks_exact(n_inner).zip(out.chunks_exact_mut(n_out)) {
                for (weights, into) in weights.chunks_exact(n_inner).zip(into) {
                    dot(row, weights, into);
                }
            }
        }
    }
    for into in out.chunks_exact_mut(n_out) {
        for (value, &bias) in into.iter_mut().zip(bias) {
            *value = sign * *value + bias;
        }
    }
}

vectorised! {
    /// out = Σ a b, in as many partial sums as registers are busy with.
    fn dot<R: Real>(a: &[R], b: &[R], out: &mut R) {
        const PARTS: usize = 64;
        let mut sums = [R::ZERO; PARTS];
        let (a_parts, a_tail) = a.as_chunks::<PARTS>();
        let (b_parts, b_tail) = b.as_chunks::<PARTS>();
        for (a, b) in a_parts.iter().zip(b_parts) {
            for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
                *sum = multiply_add::<R, FUSED>(a, b, *sum);
            }
        }
        for ((sum, &a), &b) in sums.iter_mut().zip(a_tail).zip(b_tail) {
            *sum = multiply_add::<R, FUSED>(a, b, *sum);
        }
        *out = sums.into_iter().sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::rng;

    fn circuit(n_features: usize, inhibited: bool) -> Circuit<f64> {
        let mut stream = rng::stream(3, n_features as u64);
        let mut parameters = Parameters::new();
        for (name, shape) in [
            ("W_pf", vec![4, n_features]),
            ("b_p", vec![4]),
            ("B", vec![3, 4]),
            ("b_n", vec![3]),
            ("C", vec![2, 3]),
        ] {
            let values = (0..shape.iter().product()).map(|_| rng::normal(&mut stream)).collect();
            parameters.push(name, &shape, values).unwrap();
        }
        Circuit::new(vec![0, 0, 1, 1], inhibited, parameters).unwrap()
    }

    #[test]
    fn rows_alone_and_together_are_as_defined() {
        for n_features in [1, 63, 64, 150] {
            for inhibited in [false, true] {
                let circuit = circuit(n_features, inhibited);
                let mut stream = rng::stream(4, 0);
                let rows: Vec<f64> = (0..20 * n_features).map(|_| rng::normal(&mut stream)).collect();
                for n_rows in [1, 20] {
                    let (mut purkinje, mut nuclei) = (vec![0.0; n_rows * 4], vec![0.0; n_rows * 3]);
                    circuit.purkinje(&rows[..n_rows * n_features], &mut purkinje);
                    circuit.nuclei(&purkinje, &mut nuclei);
                    for row in 0..n_rows {
                        for q in 0..4 {
                            let weights = &circuit.values("W_pf")[q * n_features..][..n_features];
                            let sum: f64 =
                                weights.iter().zip(&rows[row * n_features..]).map(|(w, g)| w * g).sum();
                            assert!((purkinje[row * 4 + q] - circuit.values("b_p")[q] - sum).abs() < 1e-11);
                        }
                        for o in 0..3 {
                            let weights = &circuit.values("B")[o * 4..][..4];
                            let sum: f64 = weights.iter().zip(&purkinje[row * 4..]).map(|(w, p)| w * p).sum();
                            let expected = circuit.values("b_n")[o] + circuit.sign() * sum;
                            assert!((nuclei[row * 3 + o] - expected).abs() < 1e-11);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn errors_that_were_not_observed_do_not_reach_climbing_fibres() {
        let mut circuit = circuit(2, false);
        let mut mapping = Parameters::new();
        mapping.push("C", &[2, 3], vec![1.0, 2.0, 0.0, 0.0, 0.0, 4.0]).unwrap();
        circuit.set(&mapping).unwrap();
        let mut fibres = [0.0; 2];
        circuit.climbing_fibres(&[1.0, 1.0, 1.0], &mut fibres);
        assert_eq!(fibres, [3.0, 4.0]);
        circuit.climbing_fibres(&[f64::NAN, 1.0, f64::NAN], &mut fibres);
        assert_eq!(fibres[0], 2.0);
        assert!(fibres[1].is_nan());
    }

    #[test]
    fn weights_that_do_not_fit_are_refused() {
        let whole = circuit(2, false);
        for name in ["W_pf", "b_p", "B", "b_n", "C"] {
            let mut parameters = Parameters::new();
            for entry in whole.parameters() {
                if entry.name != name {
                    parameters.push(&entry.name, &entry.shape, entry.values.clone()).unwrap();
                }
            }
            assert!(Circuit::new(vec![0, 0, 1, 1], false, parameters).is_err(), "without {name}");
        }
        assert!(Circuit::new(vec![0, 0, 1], false, whole.parameters().clone()).is_err());
        assert!(Circuit::new(vec![0, 0, 1, 2], false, whole.parameters().clone()).is_err());
        let mut circuit = whole;
        let mut bad = Parameters::new();
        bad.push("b_n", &[3], vec![0.0, f64::NAN, 0.0]).unwrap();
        assert!(circuit.set(&bad).is_err());
    }
}

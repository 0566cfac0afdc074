//! Named arrays of numbers: what a network learns, its gradient, and what an optimiser remembers of it.

use crate::error::{Error, Result};
use crate::numerics::simd::{multiply_add, vectorised};
use crate::real::Real;

/// One array, in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter<R> {
    /// Its name, unique among its neighbours.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its entries, last axis fastest.
    pub values: Vec<R>,
}

/// Arrays in the order in which they were added.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parameters<R> {
    entries: Vec<Parameter<R>>,
}

impl<R: Real> Parameters<R> {
    /// No arrays yet.
    pub fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Adds an array; its name must be new and its length that of its shape.
    pub fn push(&mut self, name: impl Into<String>, shape: &[usize], values: Vec<R>) -> Result<()> {
        let name = name.into();
        if self.get(&name).is_some() {
            return Err(Error::value("parameters", format!("a second {name:?}"), "names that differ"));
        }
        let length = shape.iter().try_fold(1, |n: usize, &size| n.checked_mul(size));
        if length != Some(values.len()) {
            let expected = format!("as many values as the shape {shape:?} of {name:?} has");
            return Err(Error::shape("parameters", &[values.len()], expected));
        }
        self.entries.push(Parameter { name, shape: shape.to_vec(), values });
        Ok(())
    }

    /// The array of a name.
    pub fn get(&self, name: &str) -> Option<&Parameter<R>> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The array of a name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Parameter<R>> {
        self.entries.iter_mut().find(|entry| entry.name == name)
    }

    /// The entries of the array of a name.
    pub fn values(&self, name: &str) -> Option<&[R]> {
        self.get(name).map(|entry| entry.values.as_slice())
    }

    /// All arrays in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Parameter<R>> {
        self.entries.iter()
    }

    /// All arrays in order, to be changed.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Parameter<R>> {
        self.entries.iter_mut()
    }

    /// The number of arrays.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no arrays.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of entries of all arrays.
    pub fn n_values(&self) -> usize {
        self.entries.iter().map(|entry| entry.values.len()).sum()
    }

    /// Arrays of the same names and shapes, all zero.
    #[must_use]
    pub fn zeros_like(&self) -> Self {
        let zeros = |entry: &Parameter<R>| Parameter {
            name: entry.name.clone(),
            shape: entry.shape.clone(),
            values: vec![R::ZERO; entry.values.len()],
        };
        Self { entries: self.entries.iter().map(zeros).collect() }
    }

    /// Sets every entry to zero.
    pub fn fill_zero(&mut self) {
        for entry in &mut self.entries {
            entry.values.fill(R::ZERO);
        }
    }

    /// An error about `argument` unless `other` has the same names and shapes in the same order.
    pub fn check_layout(&self, argument: &'static str, other: &Self) -> Result<()> {
        let layout = |all: &Self| {
            let arrays: Vec<String> = all.iter().map(|a| format!("{} {:?}", a.name, a.shape)).collect();
            format!("[{}]", arrays.join(", "))
        };
        let same = |(a, b): (&Parameter<R>, &Parameter<R>)| {
            a.name == b.name && a.shape == b.shape && a.values.len() == b.values.len()
        };
        if self.len() == other.len() && self.iter().zip(other.iter()).all(same) {
            return Ok(());
        }
        Err(Error::value(argument, layout(other), layout(self)))
    }

    /// Adds arrays of the same names and shapes.
    pub fn add(&mut self, other: &Self) -> Result<()> {
        self.check_layout("other", other)?;
        for (entry, other) in self.entries.iter_mut().zip(&other.entries) {
            for (value, &other) in entry.values.iter_mut().zip(&other.values) {
                *value += other;
            }
        }
        Ok(())
    }

    /// Multiplies every entry by a factor.
    pub fn scale(&mut self, factor: f64) {
        let factor = R::from_f64(factor);
        for entry in &mut self.entries {
            for value in &mut entry.values {
                *value *= factor;
            }
        }
    }

    /// The sum of squares of all entries, added up in double precision in a fixed order.
    pub fn squared_norm(&self) -> f64 {
        let mut sum = 0.0;
        for entry in &self.entries {
            add_squares(&entry.values, &mut sum);
        }
        sum
    }

    /// Whether no entry is infinite or NaN.
    pub fn all_finite(&self) -> bool {
        self.entries.iter().all(|entry| entry.values.iter().all(|value| value.to_f64().is_finite()))
    }
}

impl<'a, R: Real> IntoIterator for &'a Parameters<R> {
    type Item = &'a Parameter<R>;
    type IntoIter = std::slice::Iter<'a, Parameter<R>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, R: Real> IntoIterator for &'a mut Parameters<R> {
    type Item = &'a mut Parameter<R>;
    type IntoIter = std::slice::IterMut<'a, Parameter<R>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

/// Sums that run side by side, since one alone would wait for each addition to end.
const LANES: usize = 16;

vectorised! {
    fn add_squares<T: Real>(values: &[T], out: &mut f64) {
        let mut sums = [0.0; LANES];
        let (groups, rest) = values.as_chunks::<LANES>();
        for group in groups {
            for (sum, &value) in sums.iter_mut().zip(group) {
                let value = value.to_f64();
                *sum = multiply_add::<f64, FUSED>(value, value, *sum);
            }
        }
        for (sum, &value) in sums.iter_mut().zip(rest) {
            *sum += value.to_f64() * value.to_f64();
        }
        *out += sums.iter().sum::<f64>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Parameters<f32> {
        let mut all = Parameters::new();
        all.push("W", &[2, 3], vec![1.0, -2.0, 3.0, 0.0, 0.5, 4.0]).unwrap();
        all.push("b", &[2], vec![-1.0, 2.0]).unwrap();
        all.push("tau", &[], vec![0.25]).unwrap();
        all
    }

    #[test]
    fn arrays_are_found_by_name_and_kept_in_order() {
        let mut all = example();
        assert_eq!(all.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["W", "b", "tau"]);
        assert_eq!((all.len(), all.n_values(), all.is_empty()), (3, 9, false));
        assert_eq!(all.values("b"), Some(&[-1.0, 2.0][..]));
        assert!(all.get("U").is_none() && all.values("U").is_none() && all.get_mut("U").is_none());
        all.get_mut("b").unwrap().values[1] = 7.0;
        assert_eq!(all.get("b").unwrap().values, [-1.0, 7.0]);
    }

    #[test]
    fn repeated_names_and_wrong_lengths_are_refused() {
        let mut all = example();
        let before = all.clone();
        let error = all.push("W", &[1], vec![0.0]).unwrap_err();
        assert_eq!(error.to_string(), "parameters is a second \"W\", expected names that differ");
        let error = all.push("c", &[2, 2], vec![0.0; 3]).unwrap_err();
        assert!(matches!(error, Error::Shape { argument: "parameters", .. }), "{error}");
        assert!(all.push("d", &[usize::MAX, 2], vec![]).is_err());
        assert_eq!(all, before);
    }

    #[test]
    fn arithmetic_is_that_of_one_long_vector() {
        let mut all = example();
        let squares = 1.0 + 4.0 + 9.0 + 0.25 + 16.0 + 1.0 + 4.0 + 0.0625;
        assert_eq!(all.squared_norm(), squares);
        let other = all.clone();
        all.add(&other).unwrap();
        all.scale(3.0);
        assert_eq!(all.squared_norm(), 36.0 * squares);
        assert_eq!(all.values("tau"), Some(&[1.5][..]));
        let mut zeros = all.zeros_like();
        assert_eq!(zeros.squared_norm(), 0.0);
        zeros.check_layout("zeros", &all).unwrap();
        zeros.add(&all).unwrap();
        assert_eq!(zeros, all);
        all.fill_zero();
        assert_eq!(all, zeros.zeros_like());
    }

    #[test]
    fn squares_are_summed_in_double_precision_for_every_length() {
        for length in 0..100 {
            let values: Vec<f32> = (0..length).map(|k| 1.0 + k as f32 * 1e-3).collect();
            let expected: f64 = values.iter().map(|&x| f64::from(x).powi(2)).sum();
            let mut all = Parameters::new();
            all.push("x", &[length], values).unwrap();
            assert!((all.squared_norm() - expected).abs() <= 1e-14 * expected, "{length} values");
        }
        // No single-precision number: its square would have overflowed.
        let mut large = Parameters::new();
        large.push("x", &[1], vec![1e30_f32]).unwrap();
        assert!((large.squared_norm() - 1e60).abs() < 1e54);
    }

    #[test]
    fn other_layouts_are_refused() {
        let mut all = example();
        let mut fewer = Parameters::new();
        fewer.push("W", &[3, 2], vec![0.0_f32; 6]).unwrap();
        let text = all.add(&fewer).unwrap_err().to_string();
        assert_eq!(text, "other is [W [3, 2]], expected [W [2, 3], b [2], tau []]");
        assert_eq!(all, example());
    }

    #[test]
    fn one_bad_entry_is_noticed() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut all = example();
            assert!(all.all_finite());
            all.get_mut("b").unwrap().values[1] = bad;
            assert!(!all.all_finite() && !all.squared_norm().is_finite());
        }
    }
}

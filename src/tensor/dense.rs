//! A tensor as the kernels see it: numbers in C order and a shape; and what one look through them tells.

use std::borrow::Cow;

use ndarray::{ArrayD, ArrayView2, ArrayViewD, IxDyn};

use crate::error::{Error, Result};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// Entries per piece of work when a tensor is read once.
const PIECE: usize = 1 << 16;

/// Single-precision recordings of so few entries are fitted in double precision: it costs nothing, and descents that
/// converge slowly end where they would in double precision.
pub const SMALL: usize = 1 << 18;

/// A borrowed tensor in C order (the last axis runs fastest).
#[derive(Debug, Clone, Copy)]
pub struct Dense<'a, T> {
    /// The entries.
    pub data: &'a [T],
    /// The length of each axis.
    pub shape: &'a [usize],
}

impl<'a, T: Real> Dense<'a, T> {
    /// The view of an array that is already in C order.
    pub fn of(array: &'a ArrayD<T>) -> Self {
        let data = array.as_slice().expect("owned tensors are kept in C order");
        Self { data, shape: array.shape() }
    }

    /// Axes before, at, and after `mode`: the tensor is `left` blocks of `length` rows of `right` entries.
    pub fn split(&self, mode: usize) -> (usize, usize, usize) {
        let product = |axes: &[usize]| axes.iter().product();
        (product(&self.shape[..mode]), self.shape[mode], product(&self.shape[mode + 1..]))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// `rows × cols` entries from `offset`, each row `cols` long and `row_stride` after the one before.
    pub fn block(&self, offset: usize, rows: usize, cols: usize, row_stride: usize) -> ArrayView2<'a, T> {
        use ndarray::ShapeBuilder;
        ArrayView2::from_shape((rows, cols).strides((row_stride, 1)), &self.data[offset..])
            .expect("blocks lie within the tensor")
    }
}

/// An owned tensor of a given shape from numbers in C order.
pub fn tensor<T>(shape: &[usize], data: Vec<T>) -> ArrayD<T> {
    ArrayD::from_shape_vec(IxDyn(shape), data).expect("as many numbers as the shape asks for")
}

/// As many zeros as a tensor of this shape has entries, if they fit into memory.
pub fn zeros<T: Real>(shape: &[usize]) -> Result<Vec<T>> {
    let too_large = || Error::Memory { shape: shape.to_vec() };
    let length = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d)).ok_or_else(too_large)?;
    let mut data = Vec::new();
    data.try_reserve_exact(length).map_err(|_| too_large())?;
    data.resize(length, T::ZERO);
    Ok(data)
}

/// What one look through a recording tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Survey {
    /// Entries that are not NaN.
    pub n_observed: usize,
    /// Sum of squares of the observed entries.
    pub sum_of_squares: f64,
    /// Largest magnitude.
    pub largest: f64,
    /// Smallest entry.
    pub smallest: f64,
}

impl Survey {
    /// Reads a tensor once. Infinities are an error, as is a tensor of which nothing was observed.
    pub fn of<T: Real>(x: Dense<'_, T>, threads: &Threads) -> Result<Self> {
        let all = Self::of_part(x, threads)?;
        if all.n_observed == 0 {
            return Err(Error::Data("holds no observed entry: it is empty, all NaN, or all masked".into()));
        }
        Ok(all)
    }

    /// The same of a part of a tensor, of which nothing need have been observed.
    pub fn of_part<T: Real>(x: Dense<'_, T>, threads: &Threads) -> Result<Self> {
        let pieces = threads.map(x.len().div_ceil(PIECE), |i| {
            let piece = &x.data[i * PIECE..((i + 1) * PIECE).min(x.len())];
            let mut found =
                Self { n_observed: 0, sum_of_squares: 0.0, largest: 0.0, smallest: f64::INFINITY };
            // Rows short enough for sums in the data's own precision, long enough for vector instructions.
            for row in piece.chunks(256) {
                found.add(Self::of_row(row));
            }
            found
        });
        let mut all = Self { n_observed: 0, sum_of_squares: 0.0, largest: 0.0, smallest: f64::INFINITY };
        for piece in pieces {
            all.add(piece);
        }
        if all.largest.is_infinite() {
            return Err(Error::Data("holds infinite values; mark what was not observed as NaN".into()));
        }
        Ok(all)
    }

    fn of_row<T: Real>(row: &[T]) -> Self {
        const LANES: usize = 16;
        let mut squares = [0.0_f64; LANES];
        let mut largest = [T::ZERO; LANES];
        let mut smallest = [T::ZERO; LANES];
        let mut missing = [0_u32; LANES];
        for lanes in row.chunks(LANES) {
            for (k, &value) in lanes.iter().enumerate() {
                // NaN fails every comparison, so it counts as zero here.
                let v = if value.is_nan() { T::ZERO } else { value };
                missing[k] += u32::from(value.is_nan());
                squares[k] += v.to_f64() * v.to_f64();
                largest[k] = if v > largest[k] { v } else { largest[k] };
                smallest[k] = if v < smallest[k] { v } else { smallest[k] };
            }
        }
        let missing: u32 = missing.iter().sum();
        let high = largest.iter().fold(0.0_f64, |a, b| a.max(b.to_f64()));
        let low = smallest.iter().fold(0.0_f64, |a, b| a.min(b.to_f64()));
        Self {
            n_observed: row.len() - missing as usize,
            sum_of_squares: squares.iter().sum(),
            largest: high.max(-low),
            smallest: low,
        }
    }

    fn add(&mut self, other: Self) {
        self.n_observed += other.n_observed;
        self.sum_of_squares += other.sum_of_squares;
        self.largest = self.largest.max(other.largest);
        self.smallest = self.smallest.min(other.smallest);
    }

    /// Whether entries are missing from `x`.
    pub fn is_incomplete<T>(&self, x: Dense<'_, T>) -> bool {
        self.n_observed < x.data.len()
    }
}

/// The entries in C order, NaN where `mask` is false; copied only where they must be.
pub fn in_order<'a, T: Real>(
    x: ArrayViewD<'a, T>,
    mask: Option<ArrayViewD<'_, bool>>,
) -> Result<Cow<'a, [T]>> {
    let shape = x.shape().to_vec();
    let mut data = match x.to_slice() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(x.iter().copied().collect()),
    };
    if let Some(mask) = mask {
        if mask.shape() != shape {
            return Err(Error::shape("mask", mask.shape(), format!("the shape of X, {shape:?}")));
        }
        for (value, &observed) in data.to_mut().iter_mut().zip(mask.iter()) {
            if !observed {
                *value = T::NAN;
            }
        }
    }
    Ok(data)
}

/// What to divide data by whose largest entry is this: a power of two, so that scaling changes no digit.
pub fn scale_of(largest: f64) -> f64 {
    largest.log2().floor().exp2()
}

/// A recording ready for the kernels: C order, magnitudes whose squares are safe, and its survey.
pub struct Prepared<'a, T: Real> {
    data: Cow<'a, [T]>,
    shape: Vec<usize>,
    /// What was found, after scaling.
    pub survey: Survey,
    /// The kernels see `x / scale`; one unless squares of `x` would overflow or vanish.
    pub scale: f64,
}

impl<'a, T: Real> Prepared<'a, T> {
    /// Copies only where strides, a mask or extreme magnitudes force it. `mask` is true where `x` was observed;
    /// whatever stands elsewhere is never looked at.
    pub fn new(x: ArrayViewD<'a, T>, mask: Option<ArrayViewD<'_, bool>>, threads: &Threads) -> Result<Self> {
        if x.ndim() < 2 {
            return Err(Error::shape("X", x.shape(), "at least two axes, e.g. (trials, neurons, time)"));
        }
        let shape = x.shape().to_vec();
        let mut data = in_order(x, mask)?;
        let mut survey = Survey::of(Dense { data: &data, shape: &shape }, threads)?;
        let mut scale = 1.0;
        if survey.largest > 0.0 && !T::SAFE_RANGE.contains(&survey.largest) {
            scale = scale_of(survey.largest);
            data.to_mut().iter_mut().for_each(|v| *v = T::from_f64(v.to_f64() / scale));
            survey = Survey::of(Dense { data: &data, shape: &shape }, threads)?;
        }
        Ok(Self { data, shape, survey, scale })
    }

    /// The entries and their shape.
    pub fn dense(&self) -> Dense<'_, T> {
        Dense { data: &self.data, shape: &self.shape }
    }

    /// Whether entries are missing.
    pub fn is_incomplete(&self) -> bool {
        self.survey.is_incomplete(self.dense())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_survey_counts_what_is_there() {
        let x = array![[1.0_f32, f32::NAN, -3.0], [0.5, f32::NAN, 2.0]].into_dyn();
        let survey = Survey::of(Dense::of(&x), &Threads::one()).unwrap();
        assert_eq!(survey, Survey { n_observed: 4, sum_of_squares: 14.25, largest: 3.0, smallest: -3.0 });
        for bad in [f64::INFINITY, f64::NEG_INFINITY] {
            let x = array![[1.0, bad]].into_dyn();
            assert!(Survey::of(Dense::of(&x), &Threads::one()).is_err());
        }
        let x = array![[f64::NAN, f64::NAN]].into_dyn();
        assert!(Survey::of(Dense::of(&x), &Threads::one()).is_err());
    }

    #[test]
    fn preparation_copies_only_when_it_must() {
        let x = array![[1.0, 2.0], [3.0, 4.0]].into_dyn();
        let plain = Prepared::new(x.view(), None, &Threads::one()).unwrap();
        assert!(matches!(plain.data, Cow::Borrowed(_)));
        let turned = Prepared::new(x.t(), None, &Threads::one()).unwrap();
        assert_eq!(turned.dense().data, [1.0, 3.0, 2.0, 4.0]);
        let mask = array![[true, false], [true, true]].into_dyn();
        let hidden = array![[1.0, f64::INFINITY], [3.0, 4.0]].into_dyn();
        let masked = Prepared::new(hidden.view(), Some(mask.view()), &Threads::one()).unwrap();
        assert_eq!(masked.survey.n_observed, 3);
        let tiny =
            Prepared::new((x * 1e-200).view(), None, &Threads::one()).map(|p| (p.scale, p.survey.largest));
        let (scale, largest) = tiny.unwrap();
        assert!(scale < 1e-199 && (1.0..2.0).contains(&largest));
    }
}

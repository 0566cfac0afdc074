//! The model of TCA as a Kruskal tensor: unit columns, non-negative weights, strongest component first.

use ndarray::{Array1, Array2, ArrayD, ArrayViewMut2};

use super::super::dense::{tensor, zeros};
use crate::error::{Error, Result};
use crate::linalg::add_product;

/// x̂[i_0, i_1, …] = Σ_r w_r Π_m A_m[i_m, r].
#[derive(Debug, Clone, PartialEq)]
pub struct Kruskal {
    /// w, non-negative, in descending order.
    pub weights: Array1<f64>,
    /// One matrix (length of the mode × R) per mode; columns of unit length.
    pub factors: Vec<Array2<f64>>,
}

impl Kruskal {
    /// A model from arrays of matching shapes.
    pub fn new(weights: Array1<f64>, factors: Vec<Array2<f64>>) -> Result<Self> {
        if factors.len() < 2 {
            return Err(Error::shape("factors", &[factors.len()], "at least two"));
        }
        for factor in &factors {
            if factor.ncols() != weights.len() {
                let expected = format!("one column for each of {} weights", weights.len());
                return Err(Error::shape("factors", factor.shape(), expected));
            }
        }
        Ok(Self { weights, factors })
    }

    /// Brings factors of any scale into the standard form.
    ///
    /// Scale: columns of length one, their lengths multiplied into the weights. Order: by weight. Sign: in every mode
    /// but the last, Σ_i a_i |a_i| ≥ 0 (the column points where most of its power is); the last mode takes the sign
    /// that remains. A component that vanished keeps zero columns and weight zero.
    pub fn normalized(mut factors: Vec<Array2<f64>>) -> Self {
        let rank = factors[0].ncols();
        let mut weights = Array1::from_elem(rank, 1.0);
        let last = factors.len() - 1;
        for r in 0..rank {
            let mut sign = 1.0;
            for (mode, factor) in factors.iter_mut().enumerate() {
                let mut column = factor.column_mut(r);
                let norm = column.dot(&column).sqrt();
                if norm > 0.0 {
                    column /= norm;
                }
                if mode < last && column.iter().map(|a| a * a.abs()).sum::<f64>() < 0.0 {
                    column *= -1.0;
                    sign = -sign;
                }
                weights[r] *= norm;
            }
            factors[last].column_mut(r).mapv_inplace(|a| a * sign);
        }
        let mut order: Vec<usize> = (0..rank).collect();
        order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]));
        Self {
            weights: order.iter().map(|&r| weights[r]).collect(),
            factors: factors.iter().map(|factor| factor.select(ndarray::Axis(1), &order)).collect(),
        }
    }

    /// The factors with the weights shared out evenly among the modes.
    pub fn balanced(&self) -> Vec<Array2<f64>> {
        let share = 1.0 / self.factors.len() as f64;
        let scale = self.weights.mapv(|w| w.powf(share));
        self.factors.iter().map(|factor| factor * &scale).collect()
    }

    /// The tensor that the components `chosen` make up.
    pub fn reconstruct(&self, chosen: &[usize]) -> Result<ArrayD<f64>> {
        if let Some(beyond) = chosen.iter().find(|&&r| r >= self.weights.len()) {
            return Err(Error::value("component", beyond, format!("less than {}", self.weights.len())));
        }
        let shape: Vec<usize> = self.factors.iter().map(Array2::nrows).collect();
        let mut out = zeros(&shape)?;
        let pick = |factor: &Array2<f64>| factor.select(ndarray::Axis(1), chosen);
        let weights: Array1<f64> = chosen.iter().map(|&r| self.weights[r]).collect();
        // Rows of the leading modes' joint index, grown a mode at a time; the last mode is one product.
        let mut rows = pick(&self.factors[0]) * &weights;
        for factor in &self.factors[1..self.factors.len() - 1] {
            let factor = pick(factor);
            let mut grown = Array2::zeros((rows.nrows() * factor.nrows(), chosen.len()));
            for (i, row) in rows.rows().into_iter().enumerate() {
                for (j, other) in factor.rows().into_iter().enumerate() {
                    grown.row_mut(i * factor.nrows() + j).assign(&(&row * &other));
                }
            }
            rows = grown;
        }
        let last = pick(&self.factors[self.factors.len() - 1]);
        let view =
            ArrayViewMut2::from_shape((rows.nrows(), last.nrows()), &mut out).expect("the whole tensor");
        add_product(view, true, rows.view(), last.t());
        Ok(tensor(&shape, out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn value(factors: &[Array2<f64>], at: [usize; 3]) -> f64 {
        (0..factors[0].ncols()).map(|r| (0..3).map(|m| factors[m][[at[m], r]]).product::<f64>()).sum()
    }

    #[test]
    fn the_standard_form_is_the_same_tensor() {
        let factors = vec![
            array![[1.0, -2.0], [0.5, -1.0]],
            array![[-3.0, 0.5], [-1.0, 0.1], [0.2, 0.3]],
            array![[1.0, 1.0], [2.0, -1.0]],
        ];
        let model = Kruskal::normalized(factors.clone());
        assert!(model.weights[0] >= model.weights[1] && model.weights[1] > 0.0);
        let whole = model.reconstruct(&[0, 1]).unwrap();
        assert!(model.reconstruct(&[2]).is_err());
        for i in 0..2 {
            for j in 0..3 {
                for k in 0..2 {
                    assert!((whole[[i, j, k]] - value(&factors, [i, j, k])).abs() < 1e-14);
                    assert!((value(&model.balanced(), [i, j, k]) - value(&factors, [i, j, k])).abs() < 1e-14);
                }
            }
        }
        for factor in &model.factors {
            assert!(factor.columns().into_iter().all(|c| (c.dot(&c) - 1.0).abs() < 1e-14));
        }
        for factor in &model.factors[..2] {
            assert!(factor.columns().into_iter().all(|c| c.iter().map(|a| a * a.abs()).sum::<f64>() >= 0.0));
        }
        assert_eq!(Kruskal::normalized(model.factors.iter().map(|f| f * 1.0).collect()).factors.len(), 3);
    }
}

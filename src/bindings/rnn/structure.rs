//! The dictionary that describes a network.

use std::collections::BTreeMap;

use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArrayDyn};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyMapping;

use crate::rnn::network::Constraints;
use crate::rnn::structure::{Activation, Adaptation, Cell, Leak, RecurrentDelays, Spiking, Structure};

/// Reads what `fastigial.rnn` puts into it.
pub struct Description<'a, 'py>(pub &'a Bound<'py, PyMapping>);

impl<'py> Description<'_, 'py> {
    fn get(&self, key: &str) -> PyResult<Bound<'py, PyAny>> {
        self.0.get_item(key).map_err(|_| PyKeyError::new_err(format!("structure lacks {key:?}")))
    }

    fn value<T>(&self, key: &str) -> PyResult<T>
    where
        T: for<'a> FromPyObject<'a, 'py>,
        for<'a> <T as FromPyObject<'a, 'py>>::Error: Into<PyErr>,
    {
        self.get(key)?.extract::<T>().map_err(Into::into)
    }

    /// Structure and constraints.
    pub fn read(&self) -> PyResult<(Structure, Constraints)> {
        let structure = Structure {
            n_inputs: self.value("n_inputs")?,
            n_units: self.value("n_units")?,
            n_outputs: self.value("n_outputs")?,
            cell: self.cell()?,
            noise: self.value("noise")?,
            input_noise: self.value("input_noise")?,
            feedback: self.value("feedback")?,
            recurrent_delays: self.delays()?,
            input_delay: self.value("input_delay")?,
            feedback_delay: self.value("feedback_delay")?,
        };
        let signs: Option<PyReadonlyArray1<'_, i8>> = self.value("signs")?;
        let constraints = Constraints {
            exists: self.masks("masks")?,
            learned: self.masks("trainable")?,
            signs: signs.map(|signs| signs.as_array().to_vec()),
        };
        Ok((structure, constraints))
    }

    fn cell(&self) -> PyResult<Cell> {
        let name: String = self.value("cell")?;
        match name.as_str() {
            "rate" => {
                let alpha: PyReadonlyArray1<'_, f64> = self.value("alpha")?;
                Ok(Cell::Rate {
                    activation: self.activation()?,
                    leak: self.leak()?,
                    alpha: alpha.as_array().to_vec(),
                })
            }
            "gru" => Ok(Cell::Gru),
            "lstm" => Ok(Cell::Lstm),
            "lif" | "alif" => Ok(Cell::Spiking(Spiking {
                decay: self.value("beta")?,
                readout_decay: self.value("kappa")?,
                threshold: self.value("threshold")?,
                surrogate: self.value("gamma")?,
                adaptation: if name == "alif" {
                    Some(Adaptation { decay: self.value("rho_a")?, strength: self.value("beta_a")? })
                } else {
                    None
                },
            })),
            _ => Err(unknown("cell", &name, "rate, gru, lstm, lif or alif")),
        }
    }

    fn activation(&self) -> PyResult<Activation> {
        let name: String = self.value("activation")?;
        Ok(match name.as_str() {
            "tanh" => Activation::Tanh,
            "relu" => Activation::Relu,
            "softplus" => Activation::Softplus,
            "sigmoid" => Activation::Sigmoid,
            "rectified_tanh" => Activation::RectifiedTanh,
            "linear" => Activation::Linear,
            _ => {
                return Err(unknown(
                    "activation",
                    &name,
                    "tanh, relu, softplus, sigmoid, rectified_tanh or linear",
                ));
            }
        })
    }

    fn leak(&self) -> PyResult<Leak> {
        let name: String = self.value("leak")?;
        match name.as_str() {
            "rate" => Ok(Leak::Rate),
            "current" => Ok(Leak::Current),
            _ => Err(unknown("leak", &name, "rate or current")),
        }
    }

    fn delays(&self) -> PyResult<RecurrentDelays> {
        let delays = self.get("recurrent_delays")?;
        if delays.is_none() {
            return Ok(RecurrentDelays::Uniform(0));
        }
        if let Ok(delay) = delays.extract::<usize>() {
            return Ok(RecurrentDelays::Uniform(delay));
        }
        let matrix: PyReadonlyArray2<'_, i64> = delays.extract()?;
        let steps =
            matrix.as_array().iter().map(|&delay| usize::try_from(delay)).collect::<Result<Vec<_>, _>>();
        match steps {
            Ok(steps) => Ok(RecurrentDelays::PerConnection(steps)),
            Err(_) => {
                Err(PyValueError::new_err("delays has negative entries, expected whole steps from 0 on"))
            }
        }
    }

    fn masks(&self, key: &str) -> PyResult<BTreeMap<String, Vec<bool>>> {
        let mut found = BTreeMap::new();
        for item in self.get(key)?.cast::<PyMapping>()?.items()?.iter() {
            let (name, mask): (String, PyReadonlyArrayDyn<'_, bool>) = item.extract()?;
            found.insert(name, mask.as_array().iter().copied().collect());
        }
        Ok(found)
    }
}

pub fn unknown(argument: &str, got: &str, expected: &str) -> PyErr {
    PyValueError::new_err(format!("{argument} is {got:?}, expected {expected}"))
}

//! Room for arrays whose sizes come from the caller: an error where there is none, instead of the end of the process.

use crate::error::{Error, Result};

/// An array of this shape, all of one value.
pub fn room<T: Clone>(shape: &[usize], value: T) -> Result<Vec<T>> {
    let length = length::<T>(shape)?;
    // There is room; pages that the system gives as zeros are not written before they are needed.
    Ok(vec![value; length])
}

/// How many entries an array of this shape has, or an error if there is no room for them.
pub fn length<T>(shape: &[usize]) -> Result<usize> {
    let memory = || Error::Memory { shape: shape.to_vec() };
    let length = shape.iter().try_fold(1, |n: usize, &size| n.checked_mul(size)).ok_or_else(memory)?;
    Vec::<T>::new().try_reserve_exact(length).map_err(|_| memory())?;
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert_eq!(room(&[2, 3], 1.5).unwrap(), [1.5; 6]);
        assert_eq!(room(&[0, usize::MAX], 0).unwrap(), [0; 0]);
        for shape in [[usize::MAX, 2], [1 << 62, 1], [1 << 31, 1 << 31]] {
            let error = room(&shape, 0.0).unwrap_err();
            assert_eq!(error.to_string(), format!("a tensor of shape {shape:?} does not fit into memory"));
        }
    }
}

//! Files of named arrays (safetensors) with a text beside them: written beside and renamed, read with suspicion.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use crate::error::{Error, Result};

/// Numbers the files written beside, lest two threads that save to one path share one.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// A model has a handful of arrays; a file that lists more is none.
const MOST_ARRAYS: usize = 64;
/// And each has three axes at the most.
const MOST_AXES: usize = 3;

/// The metadata key that holds the text.
const TEXT_KEY: &str = "fastigial";

/// Stands once in the header for each array.
const DTYPE_KEY: &[u8] = b"\"dtype\"";

/// A named array of either precision, as bytes in little-endian C order.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its name.
    pub name: String,
    /// Whether it is f32 (else f64).
    pub single: bool,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its entries.
    pub bytes: Vec<u8>,
}

/// Writes arrays and a text. A reader sees the old file or the new one, never half of either.
pub fn write(path: &Path, arrays: &[Stored], text: &str) -> Result<()> {
    let failed = |detail: String| Error::File { path: path.display().to_string(), detail };
    let mut views = Vec::new();
    for array in arrays {
        let dtype = if array.single { Dtype::F32 } else { Dtype::F64 };
        let view = TensorView::new(dtype, array.shape.clone(), &array.bytes);
        views.push((array.name.as_str(), view.map_err(|e| failed(e.to_string()))?));
    }
    let metadata = HashMap::from([(TEXT_KEY.to_owned(), text.to_owned())]);
    let bytes = serialize(views, Some(metadata)).map_err(|e| failed(e.to_string()))?;
    let name = path.file_name().ok_or_else(|| failed("is not the name of a file".into()))?;
    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    let beside =
        path.with_file_name(format!(".{}.{}-{number}.part", name.to_string_lossy(), std::process::id()));
    let written = fs::File::create(&beside)
        .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        // Nothing to do if the partial file cannot be removed either.
        let _ = fs::remove_file(&beside);
        failed(error.to_string())
    })
}

/// Reads what [`write`] wrote. Sizes are checked against the file's length before anything is allocated.
pub fn read(path: &Path) -> Result<(Vec<Stored>, String)> {
    let failed = |detail: String| Error::File { path: path.display().to_string(), detail };
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::NoFile { path: path.display().to_string() },
        _ => failed(error.to_string()),
    })?;
    let not_a_model = |detail: String| failed(format!("is not a complete fastigial model file ({detail})"));
    // Counted before anything is parsed. Within the text quotes are escaped, so nothing there counts.
    let header_end = bytes.first_chunk().map_or(0, |n| u64::from_le_bytes(*n)).saturating_add(8);
    let header = &bytes[..bytes.len().min(usize::try_from(header_end).unwrap_or(usize::MAX))];
    let entries = header.windows(DTYPE_KEY.len()).filter(|window| *window == DTYPE_KEY).count();
    if entries > MOST_ARRAYS {
        return Err(not_a_model(format!("it lists {entries} arrays, expected at most {MOST_ARRAYS}")));
    }
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| not_a_model(e.to_string()))?;
    let text = header.metadata().as_ref().and_then(|metadata| metadata.get(TEXT_KEY)).cloned();
    let text = text.ok_or_else(|| not_a_model("it carries no description of a model".into()))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| not_a_model(e.to_string()))?;
    let mut arrays = Vec::new();
    for (name, view) in tensors.tensors() {
        let single = match view.dtype() {
            Dtype::F32 => true,
            Dtype::F64 => false,
            other => return Err(not_a_model(format!("array {name:?} holds {other:?}"))),
        };
        let shape = view.shape();
        // NumPy refuses some shapes of which no entry exists.
        let extent = shape.iter().try_fold(8_usize, |size, &d| size.checked_mul(d.max(1)));
        if shape.len() > MOST_AXES || extent.is_none_or(|size| isize::try_from(size).is_err()) {
            return Err(not_a_model(format!("array {name:?} has shape {shape:?}")));
        }
        arrays.push(Stored { name, single, shape: view.shape().to_vec(), bytes: view.data().to_vec() });
    }
    arrays.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((arrays, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("fastigial-{}-{name}", std::process::id()))
    }

    #[test]
    fn what_is_written_is_read_and_cut_files_are_refused() {
        let path = scratch("model");
        let bytes: Vec<u8> = [1.5_f64, -2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let array = Stored { name: "factor".into(), single: false, shape: vec![2, 1], bytes };
        write(&path, std::slice::from_ref(&array), "{}").unwrap();
        assert_eq!(read(&path).unwrap(), (vec![array.clone()], "{}".into()));
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(read(&path), Err(Error::File { .. })), "cut to {length} bytes");
        }
        // A header that claims to be huge.
        fs::write(&path, u64::MAX.to_le_bytes()).unwrap();
        assert!(read(&path).is_err());
        fs::remove_file(&path).unwrap();
        assert!(matches!(read(&path), Err(Error::NoFile { .. })));
        assert!(matches!(write(Path::new("/"), &[array], ""), Err(Error::File { .. })));
    }
}

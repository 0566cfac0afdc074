"""A user's own array from a .npy, .npz or .mat file, with labels if there are any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.demo.sources import Material, Plan, Questions, UserError
from fastigial.recording import DIMS, Recording

__all__ = ["material_from_file", "read_arrays", "read_labels"]

MOST_GROUPS = 24


def material_from_file(
    path: Path,
    *,
    key: str | None = None,
    axes: tuple[str, ...] = DIMS,
    bin_width: float | None = None,
    conditions: str | None = None,
    plan: Plan | None = None,
) -> Material:
    """Read a recording from a file.

    Parameters
    ----------
    path : path
        ``.npy`` with one array, ``.npz`` or ``.mat`` (before version 7.3) with several.
    key : str, optional
        Which array of a .npz or .mat file; without it, the only one with three axes.
    axes : tuple of str
        What the axes of the array are, in their order: a permutation of ("trial", "neuron", "time").
    bin_width : float, optional
        In seconds.
    conditions : str, optional
        Labels of the trials: an array of the same file, or another file (.npy, or text with one label a
        line).
    plan : Plan, optional
        Preprocessing; none by default.

    Returns
    -------
    Material

    Raises
    ------
    UserError
        If the file cannot be read, holds no such array, or the labels do not fit it.

    Examples
    --------
    >>> import pathlib, tempfile, numpy as np
    >>> from fastigial.demo.files import material_from_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "counts.npy"
    ...     np.save(path, np.ones((3, 4, 5)))
    ...     material_from_file(path, axes=("neuron", "trial", "time")).recording.shape
    (4, 3, 5)
    """
    arrays = read_arrays(path)
    name, array = _chosen(path, arrays, key)
    if sorted(axes) != sorted(DIMS):
        raise UserError(f"--axes is {','.join(axes)}, expected trial, neuron and time once each, in any order")
    if bin_width is not None and not (np.isfinite(bin_width) and bin_width > 0):
        raise UserError(f"--bin-width is {bin_width:g}, expected a number of seconds above 0")
    data = np.ascontiguousarray(array.transpose([axes.index(dim) for dim in DIMS]))
    data = data.astype(np.float32 if data.dtype == np.float32 else np.float64, copy=False)
    _check_values(path, name, data)
    coords: dict[str, tuple[str, NDArray[Any]]] = {"trial": ("trial", np.arange(len(data)))}
    if bin_width is not None:
        coords["time"] = ("time", (np.arange(data.shape[2]) + 0.5) * bin_width)
    question = Questions(
        order="",
        cautions=(
            "Tests against trial number take the trials to be stored in the order they were performed. If "
            "yours are not, disregard them.",
        ),
    )
    if conditions is not None:
        labels, is_quantity = read_labels(conditions, path, arrays, len(data))
        coords["condition"] = ("trial", labels)
        question = Questions(
            condition=None if is_quantity else "condition",
            order="",
            behaviour=("condition",) if is_quantity else (),
            cautions=question.cautions,
        )
    about = f"The array {name!r} of {path.name}." if path.suffix != ".npy" else f"The array of {path.name}."
    return Material(
        Recording(data, coords=coords, name=path.name, attrs={"units": "as in the file"}),
        title=f"Your recording: {path.name}",
        origin="your file",
        about=f"{about} Its axes were read as {' × '.join(axes)}.",
        plan=plan or Plan(),
        questions=question,
    )


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of a .npy, .npz or .mat file by name.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict of str to ndarray
        The array of a .npy file is called "data".

    Raises
    ------
    UserError
        If the file is not there, of another kind, or not readable without executing what it holds.

    Examples
    --------
    >>> from pathlib import Path
    >>> from fastigial.demo.files import read_arrays
    >>> read_arrays(Path("counts.csv"))
    Traceback (most recent call last):
    ...
    fastigial.demo.sources.UserError: --data counts.csv: expected a .npy, .npz or .mat file
    """
    if path.suffix not in (".npy", ".npz", ".mat"):
        raise UserError(f"--data {path}: expected a .npy, .npz or .mat file")
    if not path.is_file():
        raise UserError(f"--data {path}: there is no such file")
    try:
        return _read_mat(path) if path.suffix == ".mat" else _read_numpy(path)
    except UserError:
        raise
    except Exception as error:
        # Damaged files make the readers fail in many ways, none of which helps the user more than its
        # message.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"--data {path}: cannot be read as {path.suffix} ({reason})") from error


def _read_numpy(path: Path) -> dict[str, NDArray[Any]]:
    with path.open("rb") as stream:
        loaded = np.load(stream, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"data": loaded}
        arrays: dict[str, NDArray[Any]] = {}
        for name in loaded.files:
            try:
                arrays[name] = loaded[name]
            except ValueError:
                # Python objects: not numbers, and reading them would execute them.
                continue
        return arrays


def _read_mat(path: Path) -> dict[str, NDArray[Any]]:
    from scipy.io import loadmat

    try:
        content = loadmat(path)
    except NotImplementedError:
        raise UserError(
            f"--data {path}: is a MATLAB 7.3 (HDF5) file, which SciPy does not read; save it in MATLAB with "
            "save(..., '-v7'), or open it in Python with h5py and save the array as .npy"
        ) from None
    return {name: np.asarray(value) for name, value in content.items() if not name.startswith("__")}


def _chosen(path: Path, arrays: dict[str, NDArray[Any]], key: str | None) -> tuple[str, NDArray[Any]]:
    found = ", ".join(f"{name} {array.shape} {array.dtype}" for name, array in arrays.items()) or "no arrays"
    if key is not None:
        if key not in arrays:
            raise UserError(f"--key {key}: {path} holds {found}")
        array = arrays[key]
        if array.ndim != 3 or array.dtype.kind not in "biuf":
            raise UserError(f"--key {key}: is {array.dtype} of shape {array.shape}, expected real numbers with 3 axes")
        return key, array
    candidates = [name for name, array in arrays.items() if array.ndim == 3 and array.dtype.kind in "biuf"]
    if not candidates:
        raise UserError(f"--data {path}: holds {found}, expected an array of real numbers with 3 axes")
    if len(candidates) > 1:
        raise UserError(
            f"--data {path}: holds {len(candidates)} arrays with 3 axes ({', '.join(candidates)}); "
            "choose one with --key"
        )
    return candidates[0], arrays[candidates[0]]


def _check_values(path: Path, name: str, data: NDArray[Any]) -> None:
    if min(data.shape) < 1 or data.shape[0] < 2:
        raise UserError(f"--data {path}: {name!r} is {data.shape} (trials, neurons, time), expected >= 2 trials")
    if np.isinf(data).any():
        raise UserError(f"--data {path}: {name!r} holds infinities; mark what was not observed with NaN")
    if np.isnan(data).all():
        raise UserError(f"--data {path}: {name!r} holds no observed entry, only NaN")
    if not np.nanmax(np.abs(data)) > 0:
        raise UserError(f"--data {path}: {name!r} is zero everywhere, there is nothing to decompose")


def read_labels(
    conditions: str, path: Path, arrays: dict[str, NDArray[Any]], n_trials: int
) -> tuple[NDArray[Any], bool]:
    """Read one label per trial, and tell whether they are a quantity instead of groups.

    Parameters
    ----------
    conditions : str
        Name of one of `arrays`, or a file: .npy, or text with one label a line.
    path : path
        File that the arrays are from, for messages.
    arrays : dict of str to ndarray
    n_trials : int

    Returns
    -------
    labels : ndarray, shape (n_trials,)
    is_quantity : bool
        Numbers with too many different values to be groups.

    Raises
    ------
    UserError
        If there are no such labels, not one per trial, or neither groups nor numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from pathlib import Path
    >>> from fastigial.demo.files import read_labels
    >>> labels, is_quantity = read_labels("side", Path("x.npz"), {"side": np.array(list("LRLRLR"))}, 6)
    >>> is_quantity
    False
    """
    raw = arrays[conditions] if conditions in arrays else _labels_from_file(conditions, path, arrays)
    values = np.squeeze(raw)
    if values.dtype.kind == "O":
        # MATLAB's cell arrays: one small array per cell.
        values = np.array([str(np.squeeze(cell)) for cell in values.ravel()])
    if values.dtype.kind in "US":
        values = np.char.strip(values.astype(np.str_))
    if values.shape != (n_trials,) or values.dtype.kind not in "biufU":
        raise UserError(
            f"--conditions {conditions}: has shape {values.shape} ({values.dtype}), "
            f"expected one label for each of the {n_trials} trials"
        )
    seen = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    n_levels = len(np.unique(seen))
    if n_levels < 2:
        raise UserError(f"--conditions {conditions}: all trials have the same label, nothing to compare")
    if n_levels <= min(MOST_GROUPS, n_trials // 3):
        return values, False
    if values.dtype.kind == "U":
        raise UserError(
            f"--conditions {conditions}: has {n_levels} different labels for {n_trials} trials, expected at "
            f"most {min(MOST_GROUPS, n_trials // 3)}"
        )
    return values.astype(np.float64), True


def _labels_from_file(conditions: str, path: Path, arrays: dict[str, NDArray[Any]]) -> NDArray[Any]:
    file = Path(conditions)
    if not file.is_file():
        raise UserError(f"--conditions {conditions}: is neither a file nor an array of {path} ({', '.join(arrays)})")
    try:
        if file.suffix == ".npy":
            return np.asarray(np.load(file, allow_pickle=False))
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise UserError(f"--conditions {conditions}: cannot be read ({error})") from error
    text = np.array([line for line in lines if line])
    try:
        return text.astype(np.float64)
    except ValueError:
        return text

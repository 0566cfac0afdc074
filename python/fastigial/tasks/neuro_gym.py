"""Tasks of NeuroGym: environments that draw a whole trial at once become batches of trials.

What is read of an environment (Molano-Mazón et al., 2022, https://neurogym.github.io): ``seed(seed)``;
``new_trial()``, which may return what the trial was; then ``ob`` (n_steps, n_inputs), ``gt`` (n_steps,) of actions or
(n_steps, n_outputs) of numbers, ``dt`` in milliseconds and, of newer ones, ``start_t``: when each period began, in
milliseconds. NeuroGym itself is needed only to look up an environment by its name.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.tasks.base import Task
from fastigial.tasks.classes import one_hot
from fastigial.tasks.timing import whole
from fastigial.tasks.trials import Trials

__all__ = ["NeuroGym"]

_N_TRIED = 100


class NeuroGym(Task):
    """A task of NeuroGym, by its name or as an environment.

    Trials of one sample have the length of the longest; what comes after a trial's end does not count. Inputs are the
    observations. Where the actions are numbered they are the classes, else the targets are the ground truth itself.

    Parameters
    ----------
    env : str or environment
        Such as ``"PerceptualDecisionMaking-v0"``, or a trial-based environment. It is copied: sampling leaves it alone,
        and begins from the same state each time.
    n_steps : int, optional
        Steps of each trial; a longer one is an error. None: the longest of a sample. ``task.n_steps`` then is the
        longest of a hundred trials.
    dtype : {"float64", "float32"}
    **kwargs
        For the environment's constructor, with a name only: ``dt`` in milliseconds, ``timing``, …

    Raises
    ------
    ImportError
        If `env` is a name and NeuroGym is not installed.
    TypeError
        If it is neither a name nor a trial-based environment, or `kwargs` come with an environment.
    ValueError
        If its observations are no vectors, or it has no ground truth.

    Examples
    --------
    >>> import fastigial as fg
    >>> task = fg.tasks.NeuroGym("PerceptualDecisionMaking-v0", dt=20)  # doctest: +SKIP
    >>> task.sample(32, seed=0)  # doctest: +SKIP
    """

    def __init__(self, env: Any, *, n_steps: int | None = None, dtype: str = "float64", **kwargs: Any) -> None:
        self.dtype = dtype
        self._steps = None if n_steps is None else whole("n_steps", n_steps, 1)
        self.env = _made(env, kwargs) if isinstance(env, str) else env
        if not isinstance(env, str) and kwargs:
            raise TypeError(f"only an environment given by its name takes further arguments, got {', '.join(kwargs)}")
        missing = [name for name in ("new_trial", "seed", "dt") if _part(self.env, name) is None]
        if missing:
            raise TypeError(
                f"env must be the name of an environment or a trial-based environment; {env!r} has no {missing[0]}"
            )
        self.dt = float(_part(self.env, "dt")) / 1e3
        self.__post_init__()
        n_actions = getattr(_part(self.env, "action_space"), "n", None)
        self._n_actions = None if n_actions is None else int(n_actions)
        self.loss = "mse" if self._n_actions is None else "cross_entropy"
        tried = self.draw(_N_TRIED, np.random.default_rng(0))
        self._longest, self._n_outputs = tried.n_steps, tried.n_outputs
        self._n_inputs = tried.n_inputs

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial: as given, or the longest of a hundred trials."""
        return self._longest

    @property
    def input_names(self) -> tuple[str, ...]:
        """As the environment names them."""
        return _names(_part(self.env, "observation_space"), self._n_inputs, "input")

    @property
    def output_names(self) -> tuple[str, ...]:
        """As the environment names them."""
        return _names(_part(self.env, "action_space"), self._n_outputs, "output")

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; ``info``: n_steps, label if there are classes, and what the environment tells of each trial.

        Of the latter, numbers and text that all trials of the sample have. ``events``: when the periods began.
        """
        env = copy.deepcopy(self.env)
        # Environments seed an older generator of NumPy, which takes 32 bits.
        _part(env, "seed")(int(rng.integers(2**32)))
        drawn = [_one_trial(env) for _ in range(n_trials)]
        lengths = np.array([len(ob) for ob, _, _, _ in drawn])
        n_steps = int(lengths.max()) if self._steps is None else self._steps
        if lengths.max() > n_steps:
            raise ValueError(f"n_steps={n_steps} is too short: a trial has {lengths.max()} steps")
        inputs = np.stack([_lengthened(ob, n_steps, 0.0) for ob, _, _, _ in drawn])
        info: dict[str, Any] = {"n_steps": lengths}
        if self._n_actions is None:
            targets = np.stack([_lengthened(gt.reshape(len(gt), -1), n_steps, 0.0) for _, gt, _, _ in drawn])
        else:
            labels = np.stack([_lengthened(gt.astype(np.int64), n_steps, -1) for _, gt, _, _ in drawn])
            targets = one_hot(labels, self._n_actions)
            info["label"] = labels
        told = [trial for _, _, trial, _ in drawn]
        info |= {name: np.array([trial[name] for trial in told]) for name in _common(told) if name not in info}
        starts = [start for _, _, _, start in drawn]
        names = dict.fromkeys(name for start in starts for name in start)
        events = {name: np.array([start.get(name, np.nan) for start in starts]) / 1e3 for name in names}
        n_inputs, n_outputs = inputs.shape[2], targets.shape[2]
        return Trials(
            inputs,
            targets,
            mask=np.arange(n_steps) < lengths[:, None],
            info=info,
            dt=self.dt,
            input_names=_names(_part(env, "observation_space"), n_inputs, "input"),
            output_names=_names(_part(env, "action_space"), n_outputs, "output"),
            events=events,
            name=_title(env),
        )

    def __repr__(self) -> str:
        return super().__repr__().replace("NeuroGym()", f"NeuroGym({_title(self.env)})", 1)


def _made(name: str, kwargs: Mapping[str, Any]) -> Any:
    """Return the environment of this name."""
    try:
        import neurogym
    except ImportError as error:
        raise ImportError(f"the environment {name!r} comes with NeuroGym: pip install neurogym") from error
    return neurogym.make(name, **kwargs)


def _part(env: Any, name: str) -> Any:
    """Return an attribute of the environment, or of the one that wrappers are around; None if neither has it."""
    found = getattr(env, name, None)
    return getattr(getattr(env, "unwrapped", env), name, None) if found is None else found


def _title(env: Any) -> str:
    return type(getattr(env, "unwrapped", env)).__name__


def _one_trial(env: Any) -> tuple[NDArray[np.float64], NDArray[Any], dict[str, Any], dict[str, float]]:
    """Return observations, ground truth, what is told of a new trial, and when its periods began in milliseconds."""
    told = _part(env, "new_trial")()
    ob, gt = _part(env, "ob"), _part(env, "gt")
    if ob is None or gt is None:
        raise ValueError(f"env must have observations and a ground truth after new_trial(); {_title(env)} has not")
    ob, gt = np.array(ob, dtype=np.float64), np.array(gt)
    if ob.ndim != 2 or gt.ndim not in (1, 2) or len(gt) != len(ob):
        raise ValueError(
            f"env must give ob (n_steps, n_inputs) and gt (n_steps, …) of one length, got {ob.shape} and {gt.shape}"
        )
    start = _part(env, "start_t")
    return ob, gt, dict(told) if isinstance(told, Mapping) else {}, dict(start) if isinstance(start, Mapping) else {}


def _lengthened(values: NDArray[Any], n_steps: int, fill: float) -> NDArray[Any]:
    padding = [(0, n_steps - len(values))] + [(0, 0)] * (values.ndim - 1)
    return np.pad(values, padding, constant_values=fill)


def _common(told: list[dict[str, Any]]) -> list[str]:
    """Return the names of what is a number or text on all trials."""
    return [
        name
        for name in told[0]
        if isinstance(name, str) and all(isinstance(trial.get(name), Number | str | np.generic) for trial in told)
    ]


def _names(space: Any, n_channels: int, kind: str) -> tuple[str, ...]:
    """Return the names of channels: those of a space that has some, else counted."""
    names = [f"{kind} {channel}" for channel in range(n_channels)]
    known = getattr(space, "name", None)
    for name, channels in known.items() if isinstance(known, Mapping) else ():
        several = np.atleast_1d(channels)
        for number, channel in enumerate(several):
            if 0 <= channel < n_channels:
                names[channel] = str(name) if len(several) == 1 else f"{name} {number}"
    return tuple(names) if len(set(names)) == n_channels else tuple(f"{kind} {i}" for i in range(n_channels))

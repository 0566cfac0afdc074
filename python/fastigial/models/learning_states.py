r"""Adaptation as states that learn from errors and forget, and models of one and two of them.

::

    x_n = x_f + x_s,   e_n = f_n − x_n,   e_n = 0 where f_n is NaN (an error clamp)
    TwoStateModel      x_f ← A_f x_f + B_f e        x_s ← A_s x_s + B_s e
    CascadeModel       x_f ← A_f x_f + B_f e        x_s ← A_s x_s + B_s x_f
    SingleStateModel                                x ← A x + B e

    symbol     name
    f          perturbation, in the units of the data: degrees, N s/m, or a share of the whole
    A_f, A_s   retention_fast, retention_slow, per trial
    B_f, B_s   learning_fast, learning_slow, per trial

Smith, Ghazizadeh & Shadmehr, PLoS Biol 4:e179, 2006. The cascade, in which the fast state teaches the slow one, and
pauses in which each state fades by its own retention, are designs of this package. (In a pause the slow state of a
cascade learns nothing from the fast one; in an error clamp it does.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.models.adaptation_schedule import Schedule
from fastigial.models.learning_states_fit import StateFits, fit_states
from fastigial.parameters import Parameterized
from fastigial.tensor.checks import as_number
from fastigial.tensor.progress import Callback

__all__ = ["CascadeModel", "SingleStateModel", "StateCourse", "TwoStateModel", "as_schedule"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class StateCourse:
    """States of a model in each trial, before it is learned from; (n_trials,) each.

    Attributes
    ----------
    total, fast, slow : ndarray
        The output, and its parts.
    error : ndarray
        0 in an error clamp.
    perturbation : ndarray
        NaN in an error clamp.
    """

    total: Array
    fast: Array
    slow: Array
    error: Array
    perturbation: Array


def as_schedule(perturbation: Any, pauses: Any) -> tuple[Array, Array]:
    """Perturbation and pauses as float64, of one length."""
    if isinstance(perturbation, Schedule):
        if pauses is not None:
            raise ValueError("pauses are given beside a Schedule, expected None: a Schedule holds its own, see rest()")
        perturbation, pauses = perturbation.perturbation, perturbation.pauses
    f = np.asarray(perturbation, dtype=np.float64)
    if f.ndim != 1 or f.size == 0:
        raise ValueError(f"perturbation has the shape {f.shape}, expected (n_trials,)")
    if np.isinf(f).any():
        raise ValueError("perturbation is infinite in places, expected finite numbers, or NaN for an error clamp")
    k = np.zeros(len(f)) if pauses is None else np.asarray(pauses, dtype=np.float64)
    if k.shape != f.shape:
        raise ValueError(f"pauses have the shape {k.shape}, expected {f.shape}")
    if not np.isfinite(k).all() or (k < 0).any():
        raise ValueError("pauses hold numbers that are negative or not finite, expected lengths in trials")
    return f, k


class _StateModel(Parameterized):
    """What the models have in common: parameters by name, in the order of `_names`."""

    _kind: ClassVar[str]
    # In the order of the core: A_f, B_f, A_s, B_s; None is a parameter that the model has not.
    _names: ClassVar[tuple[str | None, ...]]

    fits_: StateFits
    model_: Self

    def _rates(self) -> list[float]:
        rates = []
        for name in self._names:
            value = 0.0 if name is None else as_number(name, getattr(self, name))
            if not np.isfinite(value):
                raise ValueError(f"{name} is {value}, expected a finite number")
            rates.append(float(value))
        return rates

    def simulate(self, perturbation: ArrayLike | Schedule, pauses: ArrayLike | None = None) -> StateCourse:
        """Go through a schedule, from states of 0.

        Parameters
        ----------
        perturbation : array_like, shape (n_trials,), or Schedule
            f; NaN is an error clamp, or a trial without a reach: no error, memory fades.
        pauses : array_like, shape (n_trials,), optional
            Before each trial, the trials' worth of forgetting of a pause. A Schedule holds its own.

        Returns
        -------
        StateCourse
        """
        f, k = as_schedule(perturbation, pauses)
        found = _core.simulate_states(self._kind, self._rates(), f, k)
        fast, slow = found["fast"], found["slow"]
        return StateCourse(fast + slow, fast, slow, np.where(np.isnan(f), 0.0, f - fast - slow), f)

    def fit(
        self,
        data: ArrayLike,
        perturbation: ArrayLike | Schedule,
        pauses: ArrayLike | None = None,
        *,
        n_starts: int = 20,
        n_bootstraps: int = 0,
        seed: int = 0,
        n_threads: int | None = None,
        progress: bool | Callback = False,
    ) -> Self:
        """Fit parameters to one person or to many, by least squares between 0 and 1.

        Parameters
        ----------
        data : array_like, shape (n_trials,) or (n_people, n_trials)
            What people did, with the sign of what counters the perturbation; NaN was not measured (the trial was
            there, and is learned from).
        perturbation, pauses
            As for `simulate`.
        n_starts : int
            Starts of the search, the model's own parameters first.
        n_bootstraps : int
            Of the mean of all people, for `StateFits.interval`: people are drawn again, or of a single person the
            residuals.
        seed : int
            Of starts and bootstraps.
        n_threads, progress
            As everywhere.

        Returns
        -------
        Itself, with ``fits_`` (`StateFits`: each person and the mean of all) and ``model_``, the model of the mean.

        Warns
        -----
        UserWarning
            If parameters of the mean are at a bound, or the data hardly tell them apart.
        """
        f, k = as_schedule(perturbation, pauses)
        self.fits_ = fit_states(
            self._kind,
            [name for name in self._names if name is not None],
            self._rates(),
            data,
            f,
            k,
            n_starts=n_starts,
            n_bootstraps=n_bootstraps,
            seed=seed,
            n_threads=n_threads,
            progress=progress,
        )
        self.model_ = type(self)(*self.fits_.group)
        return self


class TwoStateModel(_StateModel):
    r"""A fast and a slow state that learn from the same error, side by side.

    .. math:: x_f \leftarrow A_f x_f + B_f e, \qquad x_s \leftarrow A_s x_s + B_s e, \qquad e = f - x_f - x_s

    Parameters
    ----------
    retention_fast, learning_fast, retention_slow, learning_slow : float
        A_f, B_f, A_s and B_s, per trial.

    Attributes
    ----------
    fits_ : StateFits
        After `fit`.
    model_ : TwoStateModel
        That of the mean of all people.

    Notes
    -----
    Smith, Ghazizadeh & Shadmehr, PLoS Biol 4:e179, 2006. The two states of a fit are told apart by their retention.

    Examples
    --------
    Adaptation, de-adaptation, and recovery in an error clamp:

    >>> import numpy as np
    >>> import fastigial as fg
    >>> course = fg.models.TwoStateModel().simulate([1.0] * 200 + [-1.0] * 4 + [np.nan] * 30)
    >>> print(f"{course.total[199]:.3f} {course.total[204]:.3f} {course.total[204:].max():.3f}")
    0.745 -0.012 0.455
    """

    _kind = "two"
    _names = ("retention_fast", "learning_fast", "retention_slow", "learning_slow")

    def __init__(
        self,
        retention_fast: float = 0.59,
        learning_fast: float = 0.21,
        retention_slow: float = 0.992,
        learning_slow: float = 0.02,
    ) -> None:
        self.retention_fast = retention_fast
        self.learning_fast = learning_fast
        self.retention_slow = retention_slow
        self.learning_slow = learning_slow


class CascadeModel(_StateModel):
    r"""A fast state that learns from errors, and a slow one that learns from the fast.

    .. math:: x_f \leftarrow A_f x_f + B_f e, \qquad x_s \leftarrow A_s x_s + B_s x_f, \qquad e = f - x_f - x_s

    A design of this package: the cerebellum as the cortex's teacher (`CerebelloCorticalNetwork`). Without the fast
    state there is no slow learning, and the slow state rises on for a while when errors are taken away early.

    Behaviour alone cannot tell it from `TwoStateModel`: with :math:`B_s^{two} = B_s B_f / (A_s - A_f)` and
    :math:`B_f^{two} = B_f - B_s^{two}` the outputs are the same in every schedule without pauses, since both are linear
    systems of second order with the same poles. Within 0 and 1 a cascade can do a little more: where
    :math:`B_s > A_s - A_f`, :math:`B_f^{two}` is negative, a fast state that learns the wrong way. What tells them
    apart is a look inside: a block of one of the states. A fit keeps :math:`A_s \ge A_f`.

    Parameters
    ----------
    retention_fast, learning_fast, retention_slow, learning_slow : float
        A_f, B_f, A_s, and B_s: what the slow state takes over from the fast one in a trial. The default of B_s gives
        the slow state of `TwoStateModel` the same weight at the asymptote.

    Attributes
    ----------
    fits_, model_
        As in `TwoStateModel`.

    Examples
    --------
    >>> import fastigial as fg
    >>> course = fg.models.CascadeModel().simulate([1.0] * 200)
    >>> print(f"{course.fast[-1]:.3f} {course.slow[-1]:.3f}")
    0.131 0.615
    """

    _kind = "cascade"
    _names = ("retention_fast", "learning_fast", "retention_slow", "learning_slow")

    def __init__(
        self,
        retention_fast: float = 0.59,
        learning_fast: float = 0.21,
        retention_slow: float = 0.992,
        learning_slow: float = 0.039,
    ) -> None:
        self.retention_fast = retention_fast
        self.learning_fast = learning_fast
        self.retention_slow = retention_slow
        self.learning_slow = learning_slow


class SingleStateModel(_StateModel):
    r"""One state that learns from errors and forgets: what the others are compared with.

    .. math:: x \leftarrow A x + B (f - x)

    Parameters
    ----------
    retention, learning : float
        A and B, per trial.

    Attributes
    ----------
    fits_, model_
        As in `TwoStateModel`.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.models.SingleStateModel(0.99, 0.1).simulate([1.0] * 3).total
    array([0.   , 0.1  , 0.189])
    """

    _kind = "one"
    _names = (None, None, "retention", "learning")

    def __init__(self, retention: float = 0.98, learning: float = 0.1) -> None:
        self.retention = retention
        self.learning = learning

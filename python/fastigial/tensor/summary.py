"""Fitted models as a small table in a notebook."""

from __future__ import annotations

import inspect
import reprlib
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastigial.tensor.estimator import Decomposition

__all__ = ["as_html"]

# A notebook's line; longer values of parameters (a list of flags, a model to start from) are cut in the middle.
_LONGEST_VALUE = 80

_short = reprlib.Repr()
_short.maxother = _short.maxstring = _short.maxlong = _LONGEST_VALUE


def as_html(model: Decomposition) -> str:
    """The estimator's call, and what its fit found."""
    head = f"<code>{escape(_call(model))}</code>"
    if not hasattr(model, "loss_"):
        return f"{head} <em>not fitted</em>"
    shape = " × ".join(f"{length} {dim}" for length, dim in zip(model.shape_, model.dims_, strict=True))
    n_starts = max(len(model.restart_losses_), 1)
    rows = {
        "data": f"{shape}, {model.dtype_}",
        "explained variance": f"{model.explained_variance_:.4f}",
        "loss per entry": f"{model.loss_:.6g}",
        "ended": f"{model.outcome_} after {_counted(model.n_iter_, 'sweep')}, {_counted(n_starts, 'start')}",
    }
    cells = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th><td style='text-align:left'>{escape(value)}</td></tr>"
        for name, value in rows.items()
    )
    return f"{head}<table>{cells}</table>"


def _call(model: Decomposition) -> str:
    """Like `repr`, but with short values, and a value that cannot be shown does no harm."""
    defaults = inspect.signature(type(model)).parameters
    shown = {name: _short.repr(value) for name, value in model.get_params().items() if not _is(value, defaults[name])}
    return f"{type(model).__name__}({', '.join(f'{name}={text}' for name, text in shown.items())})"


def _is(value: Any, parameter: inspect.Parameter) -> bool:
    return type(value) is type(parameter.default) and bool(value == parameter.default)


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"

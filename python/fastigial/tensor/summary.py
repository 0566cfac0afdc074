"""Fitted models as a small table in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastigial.tensor.estimator import Decomposition

__all__ = ["as_html"]


def as_html(model: Decomposition) -> str:
    """The estimator's call, and what its fit found."""
    head = f"<code>{escape(repr(model))}</code>"
    if not hasattr(model, "loss_"):
        return f"{head} <em>not fitted</em>"
    shape = " × ".join(f"{length} {dim}" for length, dim in zip(model.shape_, model.dims_, strict=True))
    rows = {
        "data": f"{shape}, {model.dtype_}",
        "explained variance": f"{model.explained_variance_:.4f}",
        "loss per entry": f"{model.loss_:.6g}",
        "ended": f"{model.outcome_} after {model.n_iter_} sweeps, {max(len(model.restart_losses_), 1)} starts",
    }
    cells = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th><td style='text-align:left'>{escape(value)}</td></tr>"
        for name, value in rows.items()
    )
    return f"{head}<table>{cells}</table>"

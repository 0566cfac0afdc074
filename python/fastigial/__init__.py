"""fastigial: take recordings of many neurons apart, and (in rooms to come) train the networks that explain them.

Everything a user needs is one attribute away::

    import fastigial as fg

    recording = fg.datasets.make_learning_recording(seed=0)
    model = fg.TCA(3, random_state=0).fit(recording)
    fg.plot.tca(model, condition="condition")
"""

from __future__ import annotations

from fastigial import _core, analysis, datasets, masks, plot, preprocess, tasks
from fastigial.analysis import align, core_consistency, similarity
from fastigial.convergence import ConvergenceWarning
from fastigial.io import load
from fastigial.recording import Recording
from fastigial.selection import Ensemble, RankSearch
from fastigial.tasks import Trials
from fastigial.tensor import TCA, SliceTCA
from fastigial.threads import get_num_threads, set_num_threads

__version__ = _core.__version__

__all__ = [
    "TCA",
    "ConvergenceWarning",
    "Ensemble",
    "RankSearch",
    "Recording",
    "SliceTCA",
    "Trials",
    "align",
    "analysis",
    "core_consistency",
    "datasets",
    "get_num_threads",
    "load",
    "masks",
    "plot",
    "preprocess",
    "set_num_threads",
    "similarity",
    "tasks",
]

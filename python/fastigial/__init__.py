"""fastigial: take recordings of many neurons apart, and train the networks that explain them.

Everything a user needs is one attribute away::

    import fastigial as fg

    recording = fg.datasets.make_learning_recording(seed=0)
    model = fg.TCA(3, random_state=0).fit(recording)
    fg.plot.tca(model, condition="condition")

    net = fg.RNN(n_inputs=1, n_units=100, n_outputs=1, seed=0)
    fg.train(net, (inputs, targets), n_epochs=100, batch_size=32)
    fg.TCA(3, random_state=0).fit(net.run(inputs).to_recording())
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastigial import _core
from fastigial.convergence import ConvergenceWarning
from fastigial.io import load
from fastigial.recording import Recording
from fastigial.rnn import RNN, Stepper, Trajectory, losses, optim, rules, train
from fastigial.tensor import TCA, SliceTCA
from fastigial.threads import get_num_threads, set_num_threads

if TYPE_CHECKING:
    from fastigial import analysis, cerebellum, datasets, masks, models, plants, plot, preprocess, rnn, tasks
    from fastigial.analysis import align, core_consistency, similarity
    from fastigial.selection import Ensemble, RankSearch
    from fastigial.tasks import Trials

__version__ = _core.__version__

__all__ = [
    "RNN",
    "TCA",
    "ConvergenceWarning",
    "Ensemble",
    "RankSearch",
    "Recording",
    "SliceTCA",
    "Stepper",
    "Trajectory",
    "Trials",
    "align",
    "analysis",
    "cerebellum",
    "core_consistency",
    "datasets",
    "get_num_threads",
    "load",
    "losses",
    "masks",
    "models",
    "optim",
    "plants",
    "plot",
    "preprocess",
    "rnn",
    "rules",
    "set_num_threads",
    "similarity",
    "tasks",
    "train",
]

# Rooms, and names out of them, that are loaded when they are first asked for: most sessions need one or two.
_LATER = {
    **{
        room: room
        for room in (
            "analysis",
            "cerebellum",
            "datasets",
            "masks",
            "models",
            "plants",
            "plot",
            "preprocess",
            "selection",
            "tasks",
        )
    },
    **dict.fromkeys(("align", "core_consistency", "similarity"), "analysis"),
    **dict.fromkeys(("Ensemble", "RankSearch"), "selection"),
    "Trials": "tasks",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = import_module(f"{__name__}.{_LATER[name]}")
    found = room if _LATER[name] == name else getattr(room, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

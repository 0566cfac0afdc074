"""What happened during a training, epoch by epoch."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from fastigial.rnn.snapshots import Snapshot

__all__ = ["History"]

COLUMNS = ("loss", "validation_loss", "gradient_norm", "learning_rate", "seconds")


class History:
    """Losses and the like of each finished epoch; every column is an array of shape (n_epochs,).

    Attributes
    ----------
    outcome : str
        How the training ended: "finished", "stopped early", "interrupted", or "diverged" (a loss or a gradient was not
        finite); "running" until then.
    best_epoch : int or None
        Epoch whose parameters the network has been given back by early stopping.
    snapshots : dict of int to Snapshot
        What was kept on the way, by the number of epochs that were finished then.

    Examples
    --------
    >>> from fastigial.rnn import History
    >>> history = History()
    >>> history.append(loss=1.0, validation_loss=float("nan"), gradient_norm=2.0, learning_rate=0.1, seconds=0.5)
    >>> history
    <History: 1 epochs, loss 1, running>
    >>> history.loss
    array([1.])
    """

    def __init__(self) -> None:
        # Grown in place: a training asks for its losses after every epoch.
        self._columns = {name: array("d") for name in COLUMNS}
        self.outcome = "running"
        self.best_epoch: int | None = None
        self.snapshots: dict[int, Snapshot] = {}

    def append(self, **row: float) -> None:
        """Add an epoch: a number for every column."""
        for name, column in self._columns.items():
            column.append(row[name])

    def _column(self, name: str) -> NDArray[np.float64]:
        return np.array(self._columns[name], dtype=np.float64)

    def __len__(self) -> int:
        return len(self._columns[COLUMNS[0]])

    @property
    def epoch(self) -> NDArray[np.intp]:
        """Numbers of the epochs, from 0."""
        return np.arange(len(self))

    @property
    def loss(self) -> NDArray[np.float64]:
        """Mean over the epoch's trials of the loss that each batch had before its update, regularisation included."""
        return self._column("loss")

    @property
    def validation_loss(self) -> NDArray[np.float64]:
        """Loss of the validation trials after the epoch, without regularisation; NaN without such trials."""
        return self._column("validation_loss")

    @property
    def gradient_norm(self) -> NDArray[np.float64]:
        """Mean over batches of the gradient's length before clipping."""
        return self._column("gradient_norm")

    @property
    def learning_rate(self) -> NDArray[np.float64]:
        """Learning rate of the epoch."""
        return self._column("learning_rate")

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Time in seconds from the start of the training to the end of the epoch."""
        return self._column("seconds")

    def followed(self) -> NDArray[np.float64]:
        """The loss that tells how good the network is: that of the validation, if there is one."""
        held_out = self.validation_loss
        return self.loss if np.isnan(held_out).all() else held_out

    def area(self) -> float:
        """Area under the learning curve, per epoch: the mean over epochs of the loss that is followed.

        Small for what learns fast and well. Compare trainings of one length.
        """
        return float(np.mean(self.followed())) if len(self) else float("nan")

    def to_pandas(self) -> pd.DataFrame:
        """One row per epoch.

        Returns
        -------
        pandas.DataFrame
            The columns above, by the index ``epoch``.
        """
        import pandas as pd

        return pd.DataFrame({name: self._column(name) for name in COLUMNS}, index=pd.Index(self.epoch, name="epoch"))

    def plot(self, **options: Any) -> Figure:
        """Draw the losses; see `fastigial.plot.history`."""
        from fastigial.plot import history

        return history(self, **options)

    def as_array(self) -> NDArray[np.float64]:
        """All columns, (n_epochs, n_columns), for files."""
        return np.stack([self._column(name) for name in COLUMNS], axis=1)

    @classmethod
    def from_array(cls, rows: NDArray[np.float64]) -> History:
        """The history whose columns these are."""
        if rows.ndim != 2 or rows.shape[1] != len(COLUMNS):
            raise ValueError(f"a history has the shape {rows.shape}, expected (n_epochs, {len(COLUMNS)})")
        history = cls()
        history._columns = {name: array("d", rows[:, place]) for place, name in enumerate(COLUMNS)}
        return history

    def __repr__(self) -> str:
        ended = f", loss {self.loss[-1]:.4g}" if len(self) else ""
        held_out = self.validation_loss[-1:]
        if np.isfinite(held_out).any():
            ended += f", validation loss {held_out[0]:.4g}"
        return f"<History: {len(self)} epochs{ended}, {self.outcome}>"

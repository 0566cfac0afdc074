"""What each kind of unit is made of: gates, state variables, and what a run can record of them.

    cell                     gates   state         sent on r   readout sees   initial state as parameters
    rate, leak="rate"        1       h             h           r              h0
    rate, leak="current"     1       v             φ(v)        r              h0 (of v)
    lstm                     4       h, c          h           h              h0, c0
    gru                      3       h             h           h              h0
    lif                      1       v, s, q       s           q              h0 (of v)
    alif                     1       v, s, q, a    s           q              h0 (of v)

Gates lie one below the other in W, W_in, W_fb and b, in PyTorch's order: i, f, g, o (lstm) and r, z, n (gru).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ACTIVATIONS", "CELLS", "LEAKS", "Cell", "cell_of", "core_names"]

ACTIVATIONS = ("tanh", "relu", "softplus", "sigmoid", "rectified_tanh", "linear")
LEAKS = ("rate", "current")


@dataclass(frozen=True)
class Cell:
    """One kind of unit.

    Attributes
    ----------
    n_gates : int
        Blocks of N rows in W.
    state : tuple of str
        State variables, in the order in which `RNN.jacobian` concatenates them.
    spiking : bool
        Whether units send spikes.
    """

    n_gates: int
    state: tuple[str, ...]
    spiking: bool = False

    @property
    def starts(self) -> tuple[str, ...]:
        """Names of the parameters that hold the initial state, one for each of the first state variables."""
        return ("h0", "c0") if self.state == ("h", "c") else ("h0",)


CELLS = {
    "rate": Cell(1, ("h",)),
    "gru": Cell(3, ("h",)),
    "lstm": Cell(4, ("h", "c")),
    "lif": Cell(1, ("v", "s", "q"), spiking=True),
    "alif": Cell(1, ("v", "s", "q", "a"), spiking=True),
}
_CURRENT = Cell(1, ("v",))

# What units send on is "h" to the core, also where it is spikes.
_TO_CORE = {"h": "h", "s": "h", "c": "cell", "v": "voltage", "q": "filtered", "a": "adaptation"}


def cell_of(cell: str, leak: str) -> Cell:
    """The kind of unit; where the leak is the current's, the state of rate units is their current."""
    return _CURRENT if cell == "rate" and leak == "current" else CELLS[cell]


def core_names(cell: str, leak: str) -> dict[str, str]:
    """The core's names of the state variables, by their letters; those but "h" are what a run can record.

    Examples
    --------
    >>> from fastigial.rnn.cells import core_names
    >>> core_names("lstm", "rate"), core_names("rate", "current"), core_names("lif", "rate")
    ({'h': 'h', 'c': 'cell'}, {'v': 'current'}, {'v': 'voltage', 's': 'h', 'q': 'filtered'})
    """
    names = {**_TO_CORE, "v": "current"} if cell == "rate" else _TO_CORE
    return {letter: names[letter] for letter in cell_of(cell, leak).state}

"""The figure that our functions return. Import inside functions only: this file imports matplotlib."""

from __future__ import annotations

from io import BytesIO

from matplotlib.figure import Figure


class NotebookFigure(Figure):
    """A figure that shows itself once as the value of a notebook cell.

    Why not ``pyplot.figure``: pyplot keeps every figure until it is closed, so a loop over sessions grows
    without end, and in a notebook the inline backend draws the kept figure after the cell while IPython draws
    the cell's value: each figure would appear twice. A bare ``Figure`` has neither fault, but IPython can
    draw it only once pyplot has chosen the inline backend, which a notebook that imports fastigial alone
    never does (``_repr_html_`` of matplotlib serves the old nbAgg canvas only). ``_repr_png_`` is IPython's
    own hook and works in all cases; if the inline backend has registered its formatter for figures, that one
    takes precedence.

    The price: ``pyplot.show()`` does not know these figures. For a window, make the axes with pyplot and pass
    them as ``axes=``.

    Examples
    --------
    >>> from fastigial.plot.canvas import NotebookFigure
    >>> NotebookFigure(figsize=(1, 1))._repr_png_()[1:4]
    b'PNG'
    """

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png", dpi=self.dpi)
        return buffer.getvalue()

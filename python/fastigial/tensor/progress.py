"""Progress of a long fit, as the user asked for it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

__all__ = ["Callback", "Report"]

Callback = Callable[[int, int, float], object]

# Seconds between looks at the chunks of a pass.
_BETWEEN_CHUNKS = 0.1


class Report(AbstractContextManager["Report"]):
    """Turns ``progress=False | True | callable`` into what the core calls, and tidies up after it.

    A bar counts in `unit`: the sweeps of a fit, or the fits of a search.
    """

    def __init__(self, progress: bool | Callback, title: str, unit: str = "sweep") -> None:
        self._bar: Any = None
        self._title, self._unit = title, unit
        self._shows = progress is True
        self.callback: Callback | None = None
        if callable(progress):
            self.callback = progress
        elif progress is True:
            self.callback = self._show
        elif progress is not False:
            raise TypeError(f"progress is {progress!r}, expected True, False or a callable(done, total, loss)")

    def _show(self, done: int, total: int, loss: float) -> None:
        self._shown().show(done, total, loss)

    def chunk(self, done: int, n_chunks: int) -> None:
        """A chunk of a pass is done: shown on the bar, as a sweep over a long recording takes its time."""
        if self._shows and n_chunks > 1:
            self._shown().show_chunk(done, n_chunks)

    def _shown(self) -> Any:
        if self._bar is None:
            self._bar = _new_bar(self._title, self._unit)
        return self._bar

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def _new_bar(title: str, unit: str) -> _TqdmBar | _Line:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _Line(title, unit)
    return _TqdmBar(tqdm(desc=title, unit=unit))


class _TqdmBar:
    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._loss = ""
        self._last = 0.0

    def show(self, done: int, total: int, loss: float) -> None:
        self._bar.total = total
        self._bar.n = done
        self._loss = f"loss {loss:.6g}"
        self._bar.set_postfix_str(self._loss, refresh=True)

    def show_chunk(self, done: int, n_chunks: int) -> None:
        if time.monotonic() - self._last > _BETWEEN_CHUNKS:
            self._last = time.monotonic()
            where = f"chunk {done} of {n_chunks}"
            self._bar.set_postfix_str(f"{self._loss}, {where}" if self._loss else where, refresh=True)

    def close(self) -> None:
        self._bar.close()


class _Line:
    def __init__(self, title: str, unit: str) -> None:
        self._title, self._unit = title, unit
        self._last = 0.0

    def show_chunk(self, done: int, n_chunks: int) -> None:
        if time.monotonic() - self._last > _BETWEEN_CHUNKS:
            self._last = time.monotonic()
            sys.stderr.write(f"\r{self._title}: chunk {done} of {n_chunks} ")

    def show(self, done: int, total: int, loss: float) -> None:
        sys.stderr.write(f"\r{self._title}: {self._unit} {done} of at most {total}, loss {loss:.6g} ")

    def close(self) -> None:
        sys.stderr.write("\n")

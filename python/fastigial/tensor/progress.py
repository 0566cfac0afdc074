"""Progress of a long fit, as the user asked for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

__all__ = ["Callback", "Report"]

Callback = Callable[[int, int, float], object]


class Report(AbstractContextManager["Report"]):
    """Turns ``progress=False | True | callable`` into what the core calls, and tidies up after it.

    A bar counts in `unit`: the sweeps of a fit, or the fits of a search.
    """

    def __init__(self, progress: bool | Callback, title: str, unit: str = "sweep") -> None:
        self._bar: Any = None
        self._title, self._unit = title, unit
        self.callback: Callback | None = None
        if callable(progress):
            self.callback = progress
        elif progress is True:
            self.callback = self._show
        elif progress is not False:
            raise TypeError(f"progress is {progress!r}, expected True, False or a callable(done, total, loss)")

    def _show(self, done: int, total: int, loss: float) -> None:
        if self._bar is None:
            self._bar = _new_bar(self._title, self._unit)
        self._bar.show(done, total, loss)

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

    def show(self, done: int, total: int, loss: float) -> None:
        self._bar.total = total
        self._bar.n = done
        self._bar.set_postfix_str(f"loss {loss:.6g}", refresh=True)

    def close(self) -> None:
        self._bar.close()


class _Line:
    def __init__(self, title: str, unit: str) -> None:
        self._title, self._unit = title, unit

    def show(self, done: int, total: int, loss: float) -> None:
        sys.stderr.write(f"\r{self._title}: {self._unit} {done} of at most {total}, loss {loss:.6g} ")

    def close(self) -> None:
        sys.stderr.write("\n")

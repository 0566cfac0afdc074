"""Who imports what in the Python package: the core through few doors, heavy packages within functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import fastigial

ROOT = Path(fastigial.__file__).parent
# Rooms and modules that may name the compiled core.
DOORS = ("__init__", "cerebellum", "io", "models", "plants", "rnn", "tensor", "threads")
HEAVY = {"matplotlib", "scipy", "xarray", "pandas", "sklearn", "joblib", "tqdm", "IPython"}
# Modules that are themselves imported inside functions only.
DEFERRED = {"fastigial.plot.canvas"}
# Rooms whose results have a method `plot`.
DRAW_THEMSELVES = ("analysis", "cerebellum", "models", "plants", "rnn", "selection", "tasks")
FILES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))

each_file = pytest.mark.parametrize("file", FILES, ids=str)


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of everything imported below a node: `from a import b` gives a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            yield from (f"{dots}{node.module or ''}.{alias.name}".replace("..", ".") for alias in node.names)


def at_import_time(tree: ast.Module) -> Iterator[ast.AST]:
    """The statements that run when the module is imported: outside functions and TYPE_CHECKING."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        waiting.extend(ast.iter_child_nodes(node))


def heavy_imports(source: str) -> set[str]:
    names = {name for node in at_import_time(ast.parse(source)) for name in imported(node)}
    deferred = {module for module in DEFERRED for name in names if f"{name}.".startswith(f"{module}.")}
    return ({name.split(".")[0] for name in names} & HEAVY) | deferred


def core_imports(source: str) -> set[str]:
    return {name for name in imported(ast.parse(source)) if "_core" in name.split(".")}


def rooms_used(source: str) -> set[str]:
    """Rooms of the package that a source imports, at any time."""
    names = (name.split(".") for name in imported(ast.parse(source)))
    return {parts[1] for parts in names if parts[0] == "fastigial" and len(parts) > 1}


@each_file
def test_only_the_rooms_beside_the_core_name_it(file: Path) -> None:
    if file.parts[0].removesuffix(".py") not in DOORS:
        assert not core_imports((ROOT / file).read_text())


@each_file
def test_heavy_packages_are_imported_inside_functions(file: Path) -> None:
    if ".".join(("fastigial", *file.with_suffix("").parts)) not in DEFERRED:
        assert not heavy_imports((ROOT / file).read_text())


@each_file
def test_imports_within_the_package_are_absolute(file: Path) -> None:
    assert not [name for name in imported(ast.parse((ROOT / file).read_text())) if name.startswith(".")]


@each_file
def test_nothing_but_the_front_door_depends_on_plots(file: Path) -> None:
    if file.parts[0] not in ("plot", "__init__.py", "demo", *DRAW_THEMSELVES):
        assert "plot" not in rooms_used((ROOT / file).read_text())


@each_file
def test_results_that_draw_themselves_import_plots_when_they_do(file: Path) -> None:
    if file.parts[0] in DRAW_THEMSELVES:
        statements = at_import_time(ast.parse((ROOT / file).read_text()))
        assert not [name for node in statements for name in imported(node) if name.startswith("fastigial.plot")]


@pytest.mark.parametrize(
    "source",
    [
        "import scipy.linalg",
        "from matplotlib import pyplot",
        "from fastigial.plot.canvas import NotebookFigure",
        "from fastigial.plot import canvas",
        "class A:\n    import pandas",
        "try:\n    import xarray\nexcept ImportError:\n    xarray = None",
        "if TYPE_CHECKING:\n    pass\nelse:\n    import sklearn",
    ],
)
def test_the_check_sees_heavy_imports(source: str) -> None:
    assert heavy_imports(source)


@pytest.mark.parametrize(
    "source",
    [
        "import numpy",
        "def f():\n    import scipy",
        "class A:\n    def f(self):\n        from pandas import DataFrame",
        "if TYPE_CHECKING:\n    import xarray as xr",
        "text = 'import scipy'",
    ],
)
def test_the_check_lets_others_pass(source: str) -> None:
    assert not heavy_imports(source)


@pytest.mark.parametrize(
    "source",
    ["from fastigial import _core", "import fastigial._core as core", "from fastigial._core import fit_tca"],
)
def test_the_check_sees_the_core(source: str) -> None:
    assert core_imports("def f():\n    " + source)


def test_rooms_that_come_later_are_there_when_asked_for() -> None:
    for name in fastigial.__all__:
        assert getattr(fastigial, name) is not None
        assert name in dir(fastigial)
    with pytest.raises(AttributeError, match="no_such_room"):
        _ = fastigial.no_such_room

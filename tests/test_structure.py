"""The house's plan, read from the source: within the rooms named here no files import each other in a circle."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

import tcproxy

HOUSE = Path(tcproxy.__file__).parent

ROOMS = (
    "control", "transport", "session", "balance", "health", "servers", "report", "rules", "samples", "model", "grammar",
    "wire", "process",
)  # fmt: skip
"""Rooms without a circle. Imports count wherever they stand: for type checkers only, or in a function."""


def modules(room: str) -> dict[str, Path]:
    """Return the files of a room by the names that they are imported by."""
    found = {}
    for path in sorted((HOUSE / room).rglob("*.py")):
        parts = path.relative_to(HOUSE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> set[str]:
    """Return the full names that a file imports, wherever in it: of `from a import b` both `a` and `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*_package(path, node.level), *([node.module] if node.module else [])])
            found.update(f"{base}.{alias.name}" for alias in node.names)
            found.add(base)
    return found


def _package(path: Path, level: int) -> tuple[str, ...]:
    """Return the package that so many dots in front of a name stand for; none for no dot."""
    return path.relative_to(HOUSE.parent).parts[:-level] if level else ()


def graph(files: dict[str, Path]) -> dict[str, set[str]]:
    """Return for each module which others of the same room it imports; a package is its `__init__`."""
    edges = {}
    for name, path in files.items():
        wanted = imports(path) & files.keys() - {name}
        # `from package import module` needs the module, and not what the package itself imports
        packages = {one for one in wanted if any(other.startswith(f"{one}.") for other in wanted)}
        edges[name] = wanted - packages
    return edges


def circle(edges: dict[str, set[str]]) -> list[str]:
    """Return the modules of one circle, in order, or nothing: whatever only imports what is settled is settled too."""
    left = dict(edges)
    while settled := [name for name, wanted in left.items() if not wanted & left.keys()]:
        for name in settled:
            del left[name]
    way: list[str] = []
    name = min(left, default="")
    while name and name not in way:
        way.append(name)
        name = min(left[name] & left.keys())
    return way[way.index(name) :] if name else []


@pytest.mark.parametrize("room", ROOMS)
def test_no_circle_of_files(room: str) -> None:
    """No file of the room imports itself by way of others, imports for type checkers counted."""
    found = circle(graph(modules(room)))
    assert found == [], " -> ".join([*found, *found[:1]])


def test_each_file_of_session_has_its_layer() -> None:
    """The layers of session in pyproject.toml name each of its files once; import-linter does not ask for that."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    [layers] = [one["layers"] for one in contracts if one["name"].startswith("In session and session/http ")]
    named = [name for layer in layers for name in layer.split(" | ")]
    packages = {"tcproxy.session", "tcproxy.session.http"}
    assert sorted(named) == sorted(modules("session").keys() - packages)


def test_a_circle_is_found(tmp_path: Path) -> None:
    """The search finds a circle that stands under TYPE_CHECKING or in a function, and names its files alone."""
    sources = {
        "r.a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from r.b import B\n",
        "r.b": "def f():\n    from r import c\n",
        "r.c": "import r.a\n",
        "r.d": "from r.a import A\n",
        "r.e": "",
    }
    files = {name: tmp_path / f"{name}.py" for name in sources}
    for name, text in sources.items():
        files[name].write_text(text)
    assert circle(graph(files)) == ["r.a", "r.b", "r.c"]
    files["r.c"].write_text("import r.e\n")
    assert circle(graph(files)) == []

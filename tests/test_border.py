"""The simulator knows nothing of the page."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import toy

FOREIGN = {"app", "dash", "plotly"}
FILES = sorted(Path(toy.__file__).parent.glob("**/*.py"))


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of all imports, those inside functions too."""
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_toy_imports_nothing_of_the_page(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert not imported(tree) & FOREIGN
    dynamic = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert not {text.split(".")[0] for text in dynamic} & FOREIGN  # importlib.import_module("plotly")


@pytest.mark.parametrize("source, found", [
    ("import dash.html as h", {"dash"}), ("def f():\n  from plotly import io", {"plotly"}), ("import numpy", set()),
])
def test_the_border_guard_sees(source, found):
    assert imported(ast.parse(source)) & FOREIGN == found


LATE = {"scipy.stats", "scipy.optimize"}  # a second to load, and only some measures need them


def test_the_simulator_loads_nothing_of_the_page_nor_what_few_need():
    root = Path(toy.__file__).parents[1]
    parts = [file.relative_to(root).with_suffix("").parts for file in FILES]
    modules = ", ".join(".".join(part for part in module if part != "__init__") for module in parts)
    loaded = f"{{m.split('.')[0] for m in sys.modules}} & {FOREIGN!r} | {LATE!r} & set(sys.modules)"
    code = f"import sys, {modules}; print({loaded})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.stdout.strip() == "set()", done.stderr

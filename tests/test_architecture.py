"""The packages' direction, `ui -> ingest -> rag`, read from every import there is, inside functions too."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {"rag": {"rag"}, "ingest": {"ingest", "rag"}, "ui": {"ui", "ingest", "rag"}}
MODULES = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Every module of ours that the file at `path` names in an import."""
    known = {module_name(other) for other in MODULES}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in known else str(node.module)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name


def is_type_checking_only(path: Path, imported: str) -> bool:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom) and str(inner.module) == imported:
                    return True
    return False


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_go_one_way(path: Path) -> None:
    package = module_name(path).split(".")[0]
    ours = {name.split(".")[0] for name in imports(path)} & set(MAY_IMPORT)
    assert ours <= MAY_IMPORT[package], f"{module_name(path)} imports upward"


def test_there_is_no_cycle() -> None:
    graph = {
        module_name(path): {
            name
            for name in imports(path)
            if name.split(".")[0] in MAY_IMPORT and not is_type_checking_only(path, name)
        }
        for path in MODULES
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"a cycle: {' -> '.join([*trail, name])}"
        if name not in done:
            for imported in graph.get(name, ()):
                visit(imported, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_records_import_nothing_of_ours() -> None:
    assert not [name for name in imports(ROOT / "rag" / "records.py") if name.startswith("rag")]


@pytest.mark.parametrize(
    "word",
    ["import langchain_community", "from langchain_community", "import pickle", "from pickle", "fitz"],
)
def test_nothing_that_is_banned(word: str) -> None:
    found = [str(path) for path in MODULES if word in path.read_text("utf-8")]
    assert found == []


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom ui.cli import cli\n"
        "result = CliRunner().invoke(cli, ['--help'])\nassert result.exit_code == 0\n"
        "print(sorted({'torch', 'faiss', 'streamlit', 'langchain', 'langchain_core', 'llama_cpp', 'numpy',"
        " 'pymilvus', 'grpc'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"

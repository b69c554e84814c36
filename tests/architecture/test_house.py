"""The house holds: sizes, generated files, what stands in it and what must not."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "pushvar" / "pushvar"
MODULE_LINES = 250
FUNCTION_LINES = 30
HANDLER_LINES = 60

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if not path.name.endswith("_pb2.py"))
HANDLERS = sorted((ROOT / "functions").glob("*/handler.py"))
DISTRIBUTIONS = {
    "aws_lambda_powertools": "aws-lambda-powertools",
    "dns": "dnspython",
    "google": "protobuf",
    "re2": "google-re2",
    "snappy": "python-snappy",
    "yaml": "PyYAML",
}
IDS = [str(path.relative_to(PACKAGE)) for path in MODULES]


@pytest.mark.parametrize("module", MODULES, ids=IDS)
def test_module_size(module: Path) -> None:
    """A module that outgrows a screen or five is two modules."""
    assert len(module.read_text().splitlines()) <= MODULE_LINES


@pytest.mark.parametrize("module", MODULES, ids=IDS)
def test_function_size(module: Path) -> None:
    """A function fits a screen; its docstring and its decorators do not count."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            lines = (node.end_lineno or 0) - first.lineno + 1
            assert lines <= FUNCTION_LINES, f"{node.name} has {lines} lines"


def test_handler_size() -> None:
    """A handler translates an event and nothing else."""
    assert [path for path in HANDLERS if len(path.read_text().splitlines()) > HANDLER_LINES] == []


@pytest.mark.parametrize("module", MODULES, ids=IDS)
def test_every_module_says_what_it_is(module: Path) -> None:
    """Each file opens with its charter."""
    assert ast.get_docstring(ast.parse(module.read_text()))


def test_generated_protobuf_is_fresh(tmp_path: Path) -> None:
    """The committed classes are what protoc makes of the .proto files now."""
    protos = sorted((PACKAGE / "wire" / "proto").glob("*.proto"))
    assert len(protos) == 3
    names = [str(proto.relative_to(PACKAGE.parent)) for proto in protos]
    protoc = [sys.executable, "-m", "grpc_tools.protoc", "-I", "."]
    out = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    subprocess.run([*protoc, *out, *names], cwd=PACKAGE.parent, check=True)
    made = sorted(path for path in tmp_path.rglob("*_pb2.*"))
    assert len(made) == 2 * len(protos)
    for path in made:
        assert path.read_text() == (PACKAGE.parent / path.relative_to(tmp_path)).read_text(), path.name


def third_party(modules: list[Path]) -> set[str]:
    """The distributions that these modules import."""
    names: set[str] = set()
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Import):
                names.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    foreign = names - sys.stdlib_module_names - {"pushvar"}
    return {DISTRIBUTIONS.get(name, name) for name in foreign}


def test_one_runtime_list() -> None:
    """The layer's list is exactly what package and functions import, but for the extras."""
    listed = set(
        re.findall(r"^([\w-]+)", (ROOT / "layers/pushvar/requirements.txt").read_text(), re.MULTILINE)
    )
    command_line = [module for module in MODULES if module.is_relative_to(PACKAGE / "cli")]
    functions = sorted((ROOT / "functions").glob("*/*.py"))
    layer = [*functions, *(module for module in MODULES if module not in command_line)]
    assert third_party(layer) == listed | {"boto3", "botocore"}
    assert third_party(command_line) - listed == {"click", "rich", "waitress"}
    lock = (ROOT / "requirements" / "dev.lock").read_text().lower()
    assert [name for name in listed if f"\n{name.lower()}==" not in lock] == []


@pytest.mark.parametrize(
    "statement",
    ["import socket", "from pushvar.net import client", "import requests", "from pushvar.app import engine"],
)
def test_the_contracts_bite(statement: str, tmp_path: Path) -> None:
    """An import that climbs a floor or does I/O in a pure room breaks ``make check``."""
    copy = tmp_path / "pushvar"
    subprocess.run(["cp", "-r", str(PACKAGE), str(copy)], check=True)
    module = copy / "convert" / "health.py"
    module.write_text(f"{module.read_text()}\n{statement}\n")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    lint = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    done = subprocess.run(
        lint, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout


def test_cold_start_of_the_package_is_light() -> None:
    """Importing the app loads no push client, no protobuf, no command and no store."""
    code = "import sys, pushvar.app.forwarder; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    late = {"requests", "urllib3", "google.protobuf", "click", "rich", "boto3", "sqlite3", "yaml", "re2"}
    assert late & set(done.stdout.split()) == set()

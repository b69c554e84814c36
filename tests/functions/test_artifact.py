"""What is shipped: it imports by itself, fits Lambda, carries bytecode, and nothing that does not belong."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.components import REPOSITORY
from tests.programs import builds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.programs.builds import Build

LAYER = REPOSITORY / "layers" / "pushvar"
MOST_BYTES = 50_000_000  # unzipped; Lambda takes 250 MB of function and layers together
ELF_AARCH64 = 183
AL2023_GLIBC = 34
UNCHECKED_HASH = 0b01
RUNTIME_OWN = {"boto3", "botocore", "s3transfer"}
NOT_SHIPPED = {"tests", "test", "testdata", "bin", "awslambdaric", "moto", "click", "rich", *RUNTIME_OWN}

IMPORT_ALL = """
import importlib, pkgutil, sys
import pushvar
for module in pkgutil.walk_packages(pushvar.__path__, "pushvar."):
    if not module.name.startswith("pushvar.cli"):
        importlib.import_module(module.name)
print(*sorted({getattr(module, "__file__", None) or "" for module in sys.modules.values()}), sep="\\n")
"""

IMPORT_HANDLER = "import handler, sys; print(*sys.modules)"


@pytest.fixture(params=["local", "release"])
def any_build(request: pytest.FixtureRequest) -> Build:
    """Give either build."""
    found: Build = request.getfixturevalue(f"{request.param}_build")
    return found


def locked() -> dict[str, str]:
    """Package -> version in the layer's lock."""
    lock = (LAYER / "requirements.lock").read_text()
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE))


def listed() -> set[str]:
    """The packages of the runtime list."""
    return set(re.findall(r"^([\w-]+)", (LAYER / "requirements.txt").read_text(), re.MULTILINE))


def installed(layer: Path) -> dict[str, str]:
    """Package -> version in a built layer, as the code itself would find it."""
    found = distributions(path=[str(layer)])
    return {re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower(): one.version for one in found}


def alone(code: str, *path: Path) -> str:
    """What a clean interpreter prints that has nothing but the standard library and this path."""
    done = subprocess.run(
        [Path(sys.executable).resolve(), "-S", "-B", "-c", code],
        env={"PYTHONPATH": ":".join(map(str, path)), "PATH": "/usr/bin:/bin"},
        cwd=path[0],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def libraries(layer: Path) -> list[Path]:
    """The shared libraries of a layer; there are some."""
    found = sorted(layer.rglob("*.so*"))
    assert found
    return found


def tags(layer: Path) -> Iterator[tuple[str, str, str]]:
    """Python, ABI and platform of every wheel that went into a layer."""
    for wheel in layer.glob("*.dist-info/WHEEL"):
        yield from re.findall(r"^Tag: (\S+)-(\S+)-(\S+)$", wheel.read_text(), re.MULTILINE)


def test_the_layer_holds_what_the_lock_names(any_build: Build) -> None:
    """Every package of the runtime list in the locked version, found by its metadata, and no other."""
    found = installed(any_build.layer)
    assert {name.lower() for name in listed()} <= set(found)
    assert found == locked()


def test_the_lock_is_the_one_that_was_tested() -> None:
    """What the layer ships is what these tests run with."""
    tested = (REPOSITORY / "requirements" / "dev.lock").read_text()
    assert [name for name, version in locked().items() if f"\n{name}=={version} " not in f"\n{tested}"] == []
    assert {name.lower() for name in listed()} <= set(locked())


def test_everything_imports_from_the_artifact_alone(local_build: Build) -> None:
    """Every module of pushvar but the command line, in an interpreter that has nothing else."""
    loaded = alone(IMPORT_ALL, local_build.layer).split()
    ours = [file for file in loaded if "/pushvar/" in file and file.startswith(str(local_build.layer))]
    assert len(ours) > 50
    assert [file for file in loaded if file.startswith(str(REPOSITORY))] == []


@pytest.mark.parametrize("function", ["PlanFunction", "ForwardFunction", "GatewayFunction"])
def test_a_handler_loads_light(function: str, local_build: Build) -> None:
    """A cold start loads no AWS client, no tracer, no push client before it is known that they are needed."""
    modules = set(alone(IMPORT_HANDLER, local_build.function(function), local_build.layer).split())
    assert "pushvar.app.functions" in modules
    heavy = {"boto3", "botocore", "aws_xray_sdk", "requests", "urllib3", "google.protobuf", "pydantic"}
    assert heavy & modules == set()


def test_bytecode_is_this_pythons_and_complete(local_build: Build) -> None:
    """One for each module; nobody looks at a source's time, which changes on its way to Lambda."""
    sources = sorted(local_build.layer.rglob("*.py"))
    assert len(sources) > 300
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
        assert int.from_bytes(compiled.read_bytes()[4:8], "little") == UNCHECKED_HASH, source
    assert len(sources) == len(list(local_build.layer.rglob("*.pyc")))


def test_a_release_has_no_foreign_bytecode(release_build: Build) -> None:
    """All of the runtime's own version; where this machine has no such Python none, and a word of it."""
    compiled = list(release_build.layer.rglob("*.pyc"))
    assert [path for path in compiled if not path.name.endswith(".cpython-313.pyc")] == []
    missing = "no Python 3.13 runs here" in release_build.said
    assert missing == (not compiled), release_build.said


def test_a_release_is_for_the_runtime_of_the_template(release_build: Build) -> None:
    """arm64 and Python 3.13 whatever machine built it, and for a C library that Lambda has."""
    for library in libraries(release_build.layer):
        head = library.read_bytes()[:20]
        assert head[:4] == b"\x7fELF"
        assert int.from_bytes(head[18:20], "little") == ELF_AARCH64, library
        assert re.search(r"\.(cpython-313-aarch64-linux-gnu|abi3)\.so$", library.name), library
    binary = [tag for tag in tags(release_build.layer) if tag[2] != "any"]
    assert len(binary) >= 4
    for python, abi, platform in binary:
        assert abi in {"cp313", "abi3"}, python
        glibc = re.fullmatch(r"manylinux(?:_2_(\d+)|2014)_aarch64", platform)
        assert glibc, platform
        assert int(glibc[1] or 17) <= AL2023_GLIBC


def test_nothing_is_shipped_that_does_not_belong(any_build: Build) -> None:
    """No AWS client (Lambda has one), no tests, commands, caches of tools, and not much altogether."""
    names = {path.name for path in any_build.layer.rglob("*") if path.is_dir()}
    assert {name for name in names if name.startswith(".")} == set()
    assert NOT_SHIPPED & names == set()
    assert [path for path in any_build.layer.rglob(".*") if path.is_file()] == []
    assert sum(path.stat().st_size for path in any_build.layer.rglob("*") if path.is_file()) < MOST_BYTES
    assert {path.name for path in any_build.folder.iterdir()} == {"PushvarLayer", "template.yaml"}
    assert {path.name for path in any_build.layer.parent.iterdir()} == {"python"}


def test_the_artifact_does_not_know_where_it_was_built(local_build: Build) -> None:
    """Bytecode names the files where Lambda has them, so two checkouts build the same."""
    sources = (REPOSITORY / "layers", REPOSITORY / ".venv", local_build.folder)
    here = [str(folder).encode() for folder in sources]
    for path in local_build.layer.rglob("*"):
        if path.is_file():
            body = path.read_bytes()
            assert [one for one in here if one in body] == [], path
    cached = local_build.layer / "pushvar" / "__pycache__" / f"errors.{sys.implementation.cache_tag}.pyc"
    assert b"/opt/python/pushvar/errors.py" in cached.read_bytes()


@pytest.mark.parametrize("function", ["PlanFunction", "ForwardFunction", "GatewayFunction"])
def test_a_function_ships_its_handler_alone(function: str, any_build: Build) -> None:
    """SAM takes the folder as it stands: the build leaves no cache in it."""
    folder = any_build.function(function)
    assert {path.name for path in folder.iterdir()} - {"__pycache__"} == {"handler.py"}


def test_a_release_without_bytecode_is_refused(tmp_path: Path) -> None:
    """With RELEASE=1 a build that cannot compile fails, and says what to install or name."""
    with pytest.raises(builds.NotBuilt, match=r"no Python 3\.13 runs here.*BYTECODE_PYTHON=") as failed:
        builds.build(tmp_path, RELEASE="1", BYTECODE_PYTHON=str(tmp_path / "python3.13"))
    assert "a release carries bytecode" in str(failed.value)


def test_an_interpreter_of_another_version_compiles_nothing(tmp_path: Path) -> None:
    """Lambda would ignore its bytecode: it is passed over like one that is not there, and a word is said."""
    other = "3.14" if sys.version_info[:2] != (3, 14) else "3.12"
    said = builds.layer(tmp_path, PYV=other, BYTECODE_PYTHON=sys.executable)
    assert f"no Python {other} runs here ({sys.executable}): built without bytecode" in said
    assert list(tmp_path.rglob("*.pyc")) == []
    assert (tmp_path / "python" / "pushvar" / "errors.py").is_file()


def test_uv_is_asked_for_by_name(tmp_path: Path) -> None:
    """Without uv the layer's Makefile says how to get it."""
    with pytest.raises(builds.NotBuilt, match="uv is not on PATH; use make build"):
        builds.layer(tmp_path, UV=str(tmp_path / "uv"))

"""What is shipped: it imports by itself, fits Lambda, carries bytecode, and nothing that does not belong."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.components import REPOSITORY
from tests.programs import builds
from tests.programs.builds import LAYER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.programs.builds import Build

MOST_BYTES = 50_000_000  # unzipped; Lambda takes 250 MB of function and layers together
ELF_MACHINES = {"aarch64": 183, "x86_64": 62}
AL2023_GLIBC = 34
UNCHECKED_HASH = 0b01
HERE = Path(sys.executable).resolve()
RUNTIME_OWN = {"boto3", "botocore", "s3transfer"}
NOT_SHIPPED = {"tests", "test", "testdata", "bin", "awslambdaric", "moto", "click", "rich", *RUNTIME_OWN}
STUBS_AND_PAGES = {".pyi", ".js", ".css"}
INSTALLERS_NOTES = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
DOORS = {"cli", "receiver"}  # of pushvar: what has no use on Lambda

WHEELS = {
    "aws-lambda-powertools": "aws_lambda_powertools",
    "certifi": "certifi",
    "charset-normalizer": "charset_normalizer",
    "cramjam": "cramjam",
    "dnspython": "dns",
    "google-re2": "re2",
    "idna": "idna",
    "jmespath": "jmespath",
    "msgspec": "msgspec",
    "protobuf": "google.protobuf",
    "python-snappy": "snappy",
    "pyyaml": "yaml",
    "requests": "requests",
    "typing-extensions": "typing_extensions",
    "urllib3": "urllib3",
}
"""Every package of the layer, and what it is imported as."""
COMPILED = ("google._upb._message", "msgspec._core", "yaml._yaml")
"""Parts of them without which they would import, and be slow."""

IMPORT_ALL = """
import importlib, pkgutil, sys
import pushvar
for name in sys.argv[1:]:
    importlib.import_module(name)
for module in pkgutil.walk_packages(pushvar.__path__, "pushvar."):
    importlib.import_module(module.name)
print(*sorted({getattr(module, "__file__", None) or "" for module in sys.modules.values()}), sep="\\n")
"""

IMPORT_HANDLER = "import handler, sys; print(*sys.modules)"


@pytest.fixture(params=["local", "release", "x86"])
def any_build(request: pytest.FixtureRequest) -> Build:
    """Give either build."""
    found: Build = request.getfixturevalue(f"{request.param}_build")
    return found


@pytest.fixture(params=["release", "x86"])
def deployed(request: pytest.FixtureRequest) -> tuple[Build, str]:
    """Give either build that goes to AWS, and the machine that it is for."""
    machine = {"release": "aarch64", "x86": "x86_64"}[request.param]
    return request.getfixturevalue(f"{request.param}_build"), machine


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


def alone(code: str, *path: Path, arguments: Sequence[str] = (), python: Path = HERE) -> str:
    """What a clean interpreter prints that has nothing but the standard library and this path."""
    done = subprocess.run(
        [python, "-S", "-B", "-c", code, *arguments],
        env={"PYTHONPATH": ":".join(map(str, path)), "PATH": "/usr/bin:/bin"},
        cwd=path[0],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def smoke(layer: Path, python: Path = HERE) -> list[str]:
    """Import everything that a layer is there for; gives the files that were loaded."""
    return alone(IMPORT_ALL, layer, arguments=[*WHEELS.values(), *COMPILED], python=python).split()


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
    """Every package and every module of pushvar, in an interpreter that has nothing else."""
    loaded = smoke(local_build.layer)
    ours = [file for file in loaded if "/pushvar/" in file and file.startswith(str(local_build.layer))]
    assert len(ours) > 50
    assert [file for file in loaded if file.startswith(str(REPOSITORY))] == []
    assert set(WHEELS) == set(locked())


def test_what_aws_gets_imports_from_the_artifact_alone(tmp_path: Path) -> None:
    """The layer of this machine's kind, for the runtime's Python where there is one, else for this one.

    Its wheels are chosen by the platform's name, as for AWS, not by what this machine could load.
    """
    runtime = builds.interpreter("3.13")
    version, python = ("3.13", runtime) if runtime else ("{}.{}".format(*sys.version_info), HERE)
    wheels = f"{platform.machine()}-manylinux_2_28"
    builds.layer(tmp_path, PYV=version, PLAT=wheels, RELEASE="1", BYTECODE_PYTHON=str(python))
    loaded = smoke(tmp_path / "python", python)
    tag = version.replace(".", "")
    assert f"msgspec/_core.cpython-{tag}-{platform.machine()}-linux-gnu.so" in "\n".join(loaded)


@pytest.mark.parametrize("wheel", sorted(WHEELS))
def test_a_missing_wheel_is_found_out(wheel: str, local_build: Build, tmp_path: Path) -> None:
    """The imports fail, and name it, when a package is not in the layer."""
    top = WHEELS[wheel].partition(".")[0]
    for path in local_build.layer.iterdir():
        if path.name.partition(".")[0] != top:
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(AssertionError, match=rf"ModuleNotFoundError: No module named '{top}"):
        smoke(tmp_path)


@pytest.mark.parametrize("module", COMPILED)
def test_a_missing_library_is_found_out(module: str, local_build: Build, tmp_path: Path) -> None:
    """So they do when the compiled part of a package is not there, for which it has a slow one in Python."""
    layer = tmp_path / "python"
    shutil.copytree(local_build.layer, layer)
    (library,) = layer.glob(f"{module.replace('.', '/')}.*.so")
    library.unlink()
    with pytest.raises(AssertionError, match=f"No module named '{module}'"):
        smoke(layer)


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


def test_a_release_has_no_foreign_bytecode(deployed: tuple[Build, str]) -> None:
    """All of the runtime's own version; where this machine has no such Python none, and a word of it."""
    build, _ = deployed
    compiled = list(build.layer.rglob("*.pyc"))
    assert [path for path in compiled if not path.name.endswith(".cpython-313.pyc")] == []
    missing = "no Python 3.13 runs here" in build.said
    assert missing == (not compiled), build.said
    assert missing == (builds.interpreter("3.13") is None)


def test_a_release_is_for_the_runtime_of_the_template(deployed: tuple[Build, str]) -> None:
    """Its machine and Python 3.13 whatever machine built it, and for a C library that Lambda has."""
    build, machine = deployed
    for library in libraries(build.layer):
        head = library.read_bytes()[:20]
        assert head[:4] == b"\x7fELF"
        assert int.from_bytes(head[18:20], "little") == ELF_MACHINES[machine], library
        assert re.search(rf"\.(cpython-313-{machine}-linux-gnu|abi3)\.so$", library.name), library
    binary = [tag for tag in tags(build.layer) if tag[2] != "any"]
    assert len(binary) >= 4
    for python, abi, wheel in binary:
        assert abi in {"cp313", "abi3"}, python
        glibc = re.fullmatch(rf"manylinux(?:_2_(\d+)|2014|1|2010)_{machine}", wheel)
        assert glibc, wheel
        assert int(glibc[1] or 17) <= AL2023_GLIBC


def test_a_built_template_says_what_was_built(deployed: tuple[Build, str]) -> None:
    """A new stack takes runtime and architecture from the template's defaults: those of the layer."""
    build, machine = deployed
    defaults = {name: value["Default"] for name, value in build.template()["Parameters"].items()}
    architecture = {"aarch64": "arm64", "x86_64": "x86_64"}[machine]
    assert (defaults["Runtime"], defaults["Architecture"]) == ("python3.13", architecture)
    assert defaults["Stage"] == "dev"


def test_nothing_is_shipped_that_does_not_belong(any_build: Build) -> None:
    """No AWS client (Lambda has one), no tests, commands, notes of tools, and not much altogether."""
    names = {path.name for path in any_build.layer.rglob("*") if path.is_dir()}
    assert {name for name in names if name.startswith(".")} == set()
    assert NOT_SHIPPED & names == set()
    assert DOORS & {path.name for path in (any_build.layer / "pushvar").iterdir()} == set()
    files = [path for path in any_build.layer.rglob("*") if path.is_file()]
    assert [path for path in files if path.name.startswith(".") or path.suffix in STUBS_AND_PAGES] == []
    assert INSTALLERS_NOTES & {path.name for path in files} == set()
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
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

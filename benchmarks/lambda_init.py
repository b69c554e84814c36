"""Lambda's init: how long a new environment takes until a handler is loaded, beside a bare handler.

The layer is built as it is shipped, for this Python, and the AWS is an emulated one that holds a
configuration: handlers find what they ask for while they are initialised. Lambda's runtime emulator starts a
new environment for each figure and reports its init; where SAM, which brings the emulator, is not installed,
a plain interpreter imports the handler instead and the figure is the whole process. Wall time, in turns.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pushvar.errors import ComponentMissing

from benchmarks import workload
from benchmarks.cold_start import own_ms
from benchmarks.lambda_stack import Code, stack
from benchmarks.measure import Spread, in_turns, ratios, spread
from benchmarks.servers import Failed
from tests.components import sam
from tests.programs import runtime_emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.lambda_stack import Stack

BARE, CLIENT, PLAN, FORWARD, SOURCE = "bare", "client", "plan", "forward", "source"
GATEWAY = "gateway"
WORDS = {
    BARE: "a handler that imports nothing",
    CLIENT: "a handler that makes a DynamoDB client",
    PLAN: "plan",
    FORWARD: "forward",
    GATEWAY: "gateway",
    SOURCE: "forward, without bytecode",
}
EMULATOR, INTERPRETER = "Lambda's runtime emulator", "a plain interpreter, for want of the emulator"
_HANDLER = "import handler"
_BARE_HANDLER = "def handler(event, context):\n    return {}\n"
_CLIENT_HANDLER = f"import boto3\n\ntable = boto3.client('dynamodb')\n\n\n{_BARE_HANDLER}"
_PUSH_URL = "http://127.0.0.1:9/write"  # nobody pushes while a handler is initialised
_LISTED = 10  # imports that are worth a line


@dataclass(frozen=True, slots=True)
class Init:
    """One handler's init: wall time in ms, how many times the bare handler's, and what it imports.

    ``modules`` counts those that the interpreter alone does not load; ``imports_ms`` are the heaviest
    packages: the own time of their modules under ``-X importtime``.
    """

    init_ms: Spread
    ratio: Spread
    modules: int
    imports_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class LambdaInit:
    """All handlers by name; ``measured_by`` says what started them."""

    rounds: int
    measured_by: str
    inits: dict[str, Init]


def run(rounds: int, progress: Callable[[], object]) -> LambdaInit:
    """Build the layer and start every handler that often. Raises Failed when it cannot be built."""
    with TemporaryDirectory(prefix="pushvar-bench-") as name, stack(Path(name)) as built:
        built.configure(workload.addresses(1), _PUSH_URL)
        codes = _codes(Path(name), built)
        measured_by, started = _starter(Path(name), built.environment)
        for code in codes.values():
            started(code, 0)  # the files then lie in the page cache
        variants = {kind: partial(started, code) for kind, code in codes.items()}
        measured = in_turns(variants, rounds, progress)
        inits = {
            kind: Init(
                spread(measured[kind]).times(1e3),
                ratios(measured[kind], measured[BARE]),
                *_imports(codes[kind], built.environment),
            )
            for kind in codes
        }
    return LambdaInit(rounds, measured_by, inits)


def _codes(folder: Path, built: Stack) -> dict[str, Code]:
    for name, text in ((BARE, _BARE_HANDLER), (CLIENT, _CLIENT_HANDLER)):
        (folder / name).mkdir()
        (folder / name / "handler.py").write_text(text)
    return {
        **{name: Code(folder / name, built.layer) for name in (BARE, CLIENT)},
        **{name: built.code(name) for name in (PLAN, FORWARD, GATEWAY)},
        SOURCE: built.code("forward", bytecode=False),
    }


def _starter(folder: Path, environment: Mapping[str, str]) -> tuple[str, Callable[[Code, int], float]]:
    """What starts handlers here, and a function that does it once and gives the seconds it took."""
    try:
        sam.find_emulator()
        sam.find_runtime()
    except ComponentMissing:
        return INTERPRETER, partial(_imported_s, environment)
    return EMULATOR, partial(_init_s, folder, environment)


def _init_s(folder: Path, environment: Mapping[str, str], code: Code, _: int) -> float:
    settings = runtime_emulator.Settings("bench", environment=environment)
    with runtime_emulator.function(code.function, [code.layer], folder, settings) as function:
        known = len(function.inits_ms())  # the log is that of the rounds before as well
        function.invoke({})  # begins an environment; what it thinks of the event comes after the init
        return function.inits_ms()[known] / 1e3


def _imported_s(environment: Mapping[str, str], code: Code, _: int) -> float:
    start = time.perf_counter()
    _python(code, environment, "-c", _HANDLER)
    return time.perf_counter() - start


def _imports(code: Code, environment: Mapping[str, str]) -> tuple[int, dict[str, float]]:
    """How many modules the handler loads, and the heaviest packages among them."""
    before, after = (
        own_ms(_python(code, environment, "-X", "importtime", "-c", script)) for script in ("pass", _HANDLER)
    )
    packages: defaultdict[str, float] = defaultdict(float)
    for module in (loaded := after.keys() - before.keys()):
        packages[module.partition(".")[0]] += after[module]
    return len(loaded), dict(sorted(packages.items(), key=lambda package: -package[1])[:_LISTED])


def _boto3() -> str:
    """Where boto3 is, which Lambda brings: the emulator's runtime, or else this interpreter's packages."""
    try:
        return str(sam.find_runtime())
    except ComponentMissing:
        return sysconfig.get_path("purelib")


def _python(code: Code, environment: Mapping[str, str], *arguments: str) -> list[str]:
    """Run an interpreter that has this code and nothing else; gives its standard error by line."""
    done = subprocess.run(
        [Path(sys.executable).resolve(), "-S", "-B", *arguments],
        env={
            "PATH": os.defpath, "PYTHONPATH": f"{code.function}:{code.layer}:{_boto3()}",
            "AWS_LAMBDA_FUNCTION_NAME": "bench", **environment,
        },
        cwd=code.function, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Failed(f"a handler does not load: {done.stderr.strip().splitlines()[-1]}")
    return done.stderr.splitlines()

"""What functions need to be started as on Lambda: the built layer, an AWS of their own, a configuration."""

from __future__ import annotations

import json
import shutil
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import workload
from benchmarks.servers import Failed
from tests.components import REPOSITORY
from tests.functions.deployment import deploy, forward_event
from tests.programs import aws, builds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.functions.deployment import Deployment

CYCLE_MS = 60_000
_MOST_CYCLES = 10_000


@dataclass(frozen=True, slots=True)
class Code:
    """What one function is made of, on the path in this order."""

    function: Path
    layer: Path


@dataclass(frozen=True, slots=True)
class Stack:
    """A layer with and without bytecode, a deployment, and the environment of its functions."""

    layer: Path
    source: Path
    deployment: Deployment
    environment: dict[str, str]

    def code(self, name: str, *, bytecode: bool = True) -> Code:
        """A function of the repository on this layer."""
        return Code(REPOSITORY / "functions" / name, self.layer if bytecode else self.source)

    def configure(self, addresses: Sequence[str], push_url: str, *, proxy: str = "") -> None:
        """Register targets, reached by a ``proxy`` (``host:port``) where there is one.

        None of these may be on loopback, where a function does not go.
        """
        document = json.loads(workload.configuration(addresses, push_url))
        (job,) = document["scrape_configs"]
        if proxy:
            job["proxy_url"] = f"http://{proxy}"
        gateway = {"anonymous": "cust-001"}
        self.deployment.configure([job], push_url, settings=document["global"], gateway=gateway)


@contextmanager
def stack(folder: Path) -> Iterator[Stack]:
    """Build the layer for this Python, as it is shipped, and run an AWS. Raises Failed."""
    layer, source = folder / "layer", folder / "source"
    version = "{}.{}".format(*sys.version_info)
    try:
        builds.layer(layer, PYV=version, PLAT="", BYTECODE_PYTHON=sys.executable, RELEASE="1")
    except builds.NotBuilt as error:
        raise Failed(f"the layer could not be built: {error}") from error
    shutil.copytree(layer, source, ignore=shutil.ignore_patterns("__pycache__"))
    with aws.aws(folder) as server:
        variables = dict(server.environment)
        deployment = deploy(server, folder, variables.__setitem__)
        variables["PUSHVAR_SHARDS"] = "1"
        yield Stack(layer / "python", source / "python", deployment, variables)


def delivery(record: dict[str, Any], number: int) -> dict[str, Any]:
    """A planned message as one of many cycles, a minute apart, that ended long ago, and planned just now."""
    body = json.loads(record["body"])
    cycle = body["cycle"] - (_MOST_CYCLES - number) * CYCLE_MS
    body |= {"cycle": cycle, "planned_at": time.time_ns() // 1_000_000}
    return forward_event([{**record, "body": json.dumps(body)}])

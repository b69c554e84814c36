"""A whole cycle through the real functions: plan, queue, forward; many targets, few cores.

Parameter Store, table, bucket and queue are moto's; targets are Go programs with a port for each target; the
receiver is whoever the caller brings. Each environment of ``forward`` is a process, and this module is the
event source mapping: it takes one message at a time for each environment and deletes it when it is done.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import servers, workload
from tests.components import REPOSITORY
from tests.functions.deployment import deploy, forward_event
from tests.programs.commands import pushvar_environment, run_pushvar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.functions.deployment import Deployment
    from tests.programs.aws import Aws

BACKEND = "main"
CONTAINER = "container"
_PORTS_PER_PROCESS = 2_500  # listeners and the connections to them stay below common file limits
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_POLL_S = 0.05
_PUSH_S = 1800.0


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event that an environment answered. Times in seconds, memory in MB of 10^6 bytes.

    ``started_s`` counts from the start of the cycle. ``lines`` are what the handler logged.
    """

    function: str
    answer: dict[str, Any]
    started_s: float
    wall_s: float
    cpu_s: float
    rss_mb: float
    calls: tuple[tuple[str, int], ...]
    lines: tuple[str, ...]

    @property
    def summary(self) -> dict[str, Any]:
        """Its own log line, ``forwarded`` or ``planned``."""
        lines = [json.loads(line) for line in self.lines]
        return next((one for one in lines if one.get("message") in {"forwarded", "planned"}), {})


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle of all targets: ``wall_s`` from the schedule's event to the end of the last shard.

    ``others_cpu_s`` is what targets, AWS, the receiver and this process (``mapping``) took of the machine
    from the end of plan on, by the name of their program; ``cores`` are those that were left for all of us
    by whoever else used the machine.
    """

    plan: Invocation
    forwards: tuple[Invocation, ...]
    wall_s: float
    others_cpu_s: Mapping[str, float]
    cores: float

    @property
    def sent(self) -> int:
        """Samples that the backend took."""
        return sum(one.summary["backends"][BACKEND]["sent"] for one in self.forwards)

    @property
    def scraped(self) -> int:
        """Targets that answered."""
        return sum(one.summary["targets"].get("ok", 0) for one in self.forwards)


@dataclass(slots=True)
class Environment:
    """A process of a function. Use it from one thread at a time."""

    function: str
    process: subprocess.Popen[str]
    rss_mb: float = 0.0

    def invoke(self, event: object, began_s: float) -> Invocation:
        """Give it an event. Raises Failed when the handler raised."""
        assert self.process.stdin is not None
        started_s = time.monotonic() - began_s
        self.process.stdin.write(json.dumps(event) + "\n")
        self.process.stdin.flush()
        said, lines = self.listen()
        if said["error"]:
            raise servers.Failed(f"{self.function} failed: {said['error']}")
        return Invocation(
            self.function, said["answer"], started_s, said["wall_s"], said["cpu_s"], said["rss_mb"],
            tuple((name, size) for name, size in said["calls"]), tuple(lines),
        )  # fmt: skip

    def listen(self) -> tuple[dict[str, Any], list[str]]:
        """What it says next, and what it logged before."""
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            if line.startswith('{"invocation"'):
                said: dict[str, Any] = json.loads(line)["invocation"]
                return said, lines
            lines.append(line.rstrip("\n"))
        raise servers.Failed(f"{self.function} ended: {' '.join(lines)[-500:]}")


@dataclass
class Planner:
    """An environment of plan that is woken: each time with another second, for that names the cycle."""

    environment: Environment
    scheduled: str = ""

    def cycle(self) -> Invocation:
        """Let it plan."""
        return self.cycle_from()[1]

    def cycle_from(self) -> tuple[float, Invocation]:
        """The same, and when it began."""
        while (scheduled := datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")) == self.scheduled:
            time.sleep(_POLL_S)
        self.scheduled = scheduled
        began_s = time.monotonic()
        return began_s, self.environment.invoke({"scheduled_time": scheduled}, began_s)


@dataclass
class Fleet:
    """A deployment with its targets: run cycles of it."""

    deployed: Deployment
    planner: Planner
    forwards: list[Environment]

    def cycle(self, *, wait_for_all: bool = False, by: slice = slice(None)) -> Cycle:
        """Run one with those environments; ``wait_for_all`` leaves messages alone until all can be taken.

        Raises Failed when a shard fails or not all messages come within two minutes.
        """
        began_s, planned = self.planner.cycle_from()
        if wait_for_all:
            self._await_all(planned.answer["shards"])
            began_s = time.monotonic()
        before, all_s = _cpu_of_us(), _cpu_of_all()
        counted_s = time.monotonic()
        left = [None] * planned.answer["shards"]
        with ThreadPoolExecutor(len(self.forwards)) as pool:
            done = list(pool.map(lambda one: self._drain(one, left, began_s), self.forwards[by]))
        wall_s = time.monotonic() - began_s
        spent = {name: cpu_s - before.get(name, 0.0) for name, cpu_s in _cpu_of_us().items()}
        foreign_s = max(0.0, _cpu_of_all() - all_s - sum(spent.values()))
        cores = (os.cpu_count() or 1) - foreign_s / (time.monotonic() - counted_s)
        del spent[CONTAINER]
        return Cycle(planned, tuple(one for some in done for one in some), wall_s, spent, cores)

    def _drain(self, environment: Environment, left: list[None], began_s: float) -> list[Invocation]:
        """Take messages for one environment until all shards are taken."""
        client, done = self.deployed.aws.client("sqs"), []
        give_up_s = time.monotonic() + 120
        while left:
            taken = client.receive_message(QueueUrl=self.deployed.queue_url, MaxNumberOfMessages=1)
            for one in taken.get("Messages", ()):
                left.pop()
                record = {"messageId": one["MessageId"], "body": one["Body"]}
                done.append(environment.invoke(forward_event([record]), began_s))
                client.delete_message(QueueUrl=self.deployed.queue_url, ReceiptHandle=one["ReceiptHandle"])
            if "Messages" not in taken:
                time.sleep(_POLL_S)
            if time.monotonic() > give_up_s:
                raise servers.Failed(f"{len(left)} messages did not come within two minutes")
        return done

    def _await_all(self, count: int) -> None:
        client, wanted = self.deployed.aws.client("sqs"), ["ApproximateNumberOfMessages"]
        for _ in range(1200):
            answer = client.get_queue_attributes(QueueUrl=self.deployed.queue_url, AttributeNames=wanted)
            if int(answer["Attributes"][wanted[0]]) >= count:
                return
            time.sleep(_POLL_S)
        raise servers.Failed(f"not all of {count} messages came within a minute")


@contextmanager
def fleet(
    targets: int, containers: int, aws: Aws, write_url: str, folder: Path, *, shards: int = 0
) -> Iterator[Fleet]:
    """Run targets, bring the configuration into ``aws`` by command, start the environments."""
    with ExitStack() as stack:
        addresses: list[str] = []
        for number, count in enumerate(_portions(targets)):
            place = folder / f"targets-{number}"
            place.mkdir()
            ports = stack.enter_context(servers.targets(count, place)).ports
            addresses += [f"127.0.0.1:{port}" for port in ports]
        deployed, environment = _deployed(aws, folder, shards)
        _configure(deployed, environment, addresses, write_url)
        made = [stack.enter_context(_environment("plan", environment))]
        made += [stack.enter_context(_environment("forward", environment)) for _ in range(containers)]
        yield Fleet(deployed, Planner(made[0]), made[1:])


@contextmanager
def planned(targets: int, aws: Aws, folder: Path) -> Iterator[tuple[Planner, int]]:
    """Run plan alone, for targets that nobody fetches; gives the number of parameters too."""
    deployed, environment = _deployed(aws, folder, 0)
    addresses = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}:8080" for n in range(targets)]
    parameters = _configure(deployed, environment, addresses, "http://127.0.0.1:9/write")
    with _environment("plan", environment) as one:
        yield Planner(one), parameters


def _deployed(aws: Aws, folder: Path, shards: int) -> tuple[Deployment, dict[str, str]]:
    environment = {**pushvar_environment(), **aws.environment}
    deployed = deploy(aws, folder, environment.__setitem__)
    environment["PUSHVAR_SHARDS"] = str(shards)
    return deployed, environment


def _configure(
    deployed: Deployment, environment: Mapping[str, str], addresses: Sequence[str], write_url: str
) -> int:
    """Bring the configuration in as people do; gives how many parameters it is. Raises Failed."""
    document = json.loads(workload.configuration(addresses, write_url))
    document["remote_write"][0]["name"] = BACKEND
    file = deployed.folder / "pushvar.yml"
    file.write_text(json.dumps(document), "utf-8")
    push = ("config", "push", file, "--to", deployed.registry)
    done = run_pushvar(*push, env=environment, timeout_s=_PUSH_S)
    if done.returncode:
        raise servers.Failed(f"pushvar config push: {done.stderr}")
    pages = deployed.aws.client("ssm").get_paginator("get_parameters_by_path")
    path = f"/pushvar/{deployed.stage}/config"
    return sum(len(page["Parameters"]) for page in pages.paginate(Path=path, Recursive=True))


def _portions(targets: int) -> Sequence[int]:
    whole, rest = divmod(targets, _PORTS_PER_PROCESS)
    return [_PORTS_PER_PROCESS] * whole + ([rest] if rest else [])


@contextmanager
def _environment(function: str, environment: dict[str, str]) -> Iterator[Environment]:
    command = [sys.executable, "-u", "-m", "benchmarks.scaling_container", function]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        try:
            one = Environment(function, process)
            one.rss_mb = one.listen()[0]["rss_mb"]
            yield one
        finally:
            process.stdin.close()


def _cpu_of_all() -> float:
    """CPU seconds of everybody on this machine so far, and those that its host took. Linux only."""
    fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    user, nice, system, _idle, _waiting, irq, softirq, steal = map(int, fields[:8])
    return (user + nice + system + irq + softirq + steal) / _TICKS_PER_S


def _cpu_of_us() -> dict[str, float]:
    """CPU seconds of this process and its children so far, by the name of their program. Linux only."""
    spent = {"mapping": time.process_time()}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")
            words = stat.with_name("cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:  # it ended meanwhile
            continue
        fields = rest.split()
        if int(fields[1]) == os.getpid():
            name = _name(words)
            spent[name] = spent.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
    return spent


def _name(words: Sequence[str]) -> str:
    if "benchmarks.scaling_container" in words:
        return CONTAINER
    return words[words.index("-m") + 1] if "-m" in words else Path(words[0]).name

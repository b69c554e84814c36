"""The two gateways under load, each with a store of its own, and the program that pushes to them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.servers import Failed
from tests.components import REPOSITORY, find, golang
from tests.programs import loopback
from tests.programs.process import Running, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PUSHGATEWAY, PUSHVAR = "pushgateway", "pushvar"
WORDS = {PUSHGATEWAY: "Pushgateway", PUSHVAR: "pushvar"}

PUSHERS, SERIES = 200, 20
_SOURCE = REPOSITORY / "benchmarks" / "go_pushers"
_LOAD, _STORED = "load", "stored"
_FILLERS = 8
_END_S = 60.0
_READ_S = 300.0
_LAST = re.compile(r"^batch_load_figure_00\{(.*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Pushed:
    """How the pushers fared; ``cpu_s`` is their own, ``last`` the number of each one's last push."""

    pushes: int
    failed: int
    failure: str
    wall_s: float
    cpu_s: float
    median_ms: float
    p99_ms: float
    last: tuple[int, ...]


class Pushers:
    """The compiled program."""

    def __init__(self, folder: Path) -> None:
        self._program = folder / "pushers"
        golang.run(_SOURCE, "build", "-o", str(self._program), ".")

    def fill(self, url: str, groups: int) -> None:
        """Push that many groups, once each."""
        if groups:
            self._run(url, f"-job={_STORED}", f"-groups={groups}", f"-pushers={min(_FILLERS, groups)}")

    def load(self, url: str, *, pushers: int, seconds: float, first: int) -> Pushed:
        """Let so many push at once, each to its own group."""
        options = (f"-pushers={pushers}", f"-seconds={seconds}", f"-first={first}")
        return self._run(url, f"-job={_LOAD}", *options)

    def _run(self, url: str, *arguments: str) -> Pushed:
        command = [str(self._program), f"-url={url}", f"-series={SERIES}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"the pushers failed: {done.stderr[-2000:]}")
        read = json.loads(done.stdout)
        pushed = Pushed(**{**read, "last": tuple(read["last"])})
        if pushed.failed:
            raise Failed(f"{pushed.failed} of {pushed.pushes} pushes to {url} failed: {pushed.failure}")
        return pushed


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway."""

    url: str
    process: int

    def cpu_s(self) -> float:
        """What it has used so far, user and system; Linux only."""
        words = Path(f"/proc/{self.process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        """What is in memory now; Linux only."""
        words = Path(f"/proc/{self.process}/status").read_text(encoding="ascii").split()
        return int(words[words.index("VmRSS:") + 1]) * _KIB

    def demand_arrived(self, stored: int, last: Sequence[int]) -> None:
        """Raise Failed unless its /metrics has every stored group, and the last push of each pusher."""
        answer = loopback.get(f"{self.url}/metrics", timeout_s=_READ_S)
        if answer.status != 200:
            raise Failed(f"GET /metrics of {self.url}: HTTP {answer.status}")
        found: dict[str, dict[int, float]] = {_LOAD: {}, _STORED: {}}
        for listed, value in _LAST.findall(answer.body.decode()):
            labels = dict(_LABEL.findall(listed))
            found[labels["job"]][int(labels["instance"])] = float(value)
        if found[_STORED] != {group: group for group in range(stored)}:
            raise Failed(f"{self.url} has {len(found[_STORED])} of {stored} stored groups")
        if found[_LOAD] != dict(enumerate(last)):
            raise Failed(f"{self.url} lost pushes of {_LOAD}: it has {len(found[_LOAD])} groups")


@contextmanager
def gateway(name: str, folder: Path, pushers: Pushers, stored: int) -> Iterator[Gateway]:
    """Run one of the two with so many groups of ``SERIES`` series in its store."""
    command = {PUSHGATEWAY: _pushgateway, PUSHVAR: _pushvar}[name](folder)
    if name == PUSHGATEWAY and stored:
        # its checks would make filling take hours; the groups are the same
        with _running([*command, "--push.disable-consistency-check"], folder) as unchecked:
            pushers.fill(unchecked.url, stored)
    with _running(command, folder) as running:
        if name == PUSHVAR:
            pushers.fill(running.url, stored)
        yield running


def _pushgateway(folder: Path) -> list[str]:
    # the store is written when the program ends, and never in between
    kept = [f"--persistence.file={folder / 'pushgateway.store'}", "--persistence.interval=24h"]
    return [str(find("prometheus-pushgateway")), *kept]


def _pushvar(folder: Path) -> list[str]:
    return [str(Path(sys.executable).parent / "pushvar"), "gateway", f"--state=sqlite:{folder / 'state.db'}"]


@contextmanager
def _running(command: Sequence[str], folder: Path) -> Iterator[Gateway]:
    option = "--listen" if "gateway" in command else "--web.listen-address"

    def on(ports: Sequence[int]) -> list[str]:
        return [*command, f"{option}=127.0.0.1:{ports[0]}"]

    with serving(on, folder / "gateway.log", ready_path="/-/ready") as (program, port):
        yield Gateway(f"http://127.0.0.1:{port}", program.process.pid)
        _end(program)


def _end(program: Running) -> None:
    program.process.send_signal(signal.SIGTERM)
    program.process.wait(_END_S)

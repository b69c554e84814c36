"""pushvar beside vmagent and the Prometheus agent: the same numbers, the same interval, the same receiver.

All three run at once and as they are meant to be run, for minutes, on targets that serve the same numbers
twice: pushvar fetches the document of expvar, the peers a page of Prometheus text. CPU is read from /proc in
windows of some intervals, of all three in the same moment; a ratio compares two in one window. Before that,
what each sent in an interval is decoded and compared: the same series, the same values.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import snappy
import yaml
from pushvar.app.trial import try_rules
from pushvar.config.load import load
from pushvar.wire.exposition import text
from pushvar.wire.proto.prometheus_v1_pb2 import WriteRequest

from benchmarks import servers, workload
from benchmarks.alone import command
from benchmarks.measure import Spread, ratios, spread, with_bytecode
from benchmarks.series import Different, stamps
from benchmarks.tables import Section
from tests import components
from tests.components import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PUSHVAR, VMAGENT, AGENT = "pushvar", "vmagent", "Prometheus agent"
GOALS = {VMAGENT: 0.35, AGENT: 0.2}
"""What a target-cycle may cost, as a share of what the peer takes."""

INTERVAL_S = 5
INTERVALS = 4
"""Intervals in a window: a garbage collection of a peer falls into every window, not into every second."""
_WARM_UP = 4
_PATIENCE_S = 60.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_DROP_NOTHING = [{"source_labels": ["__name__"], "regex": "nobody_has_this_.*", "action": "drop"}]
"""A relabelling step for each series, as nearly every real configuration has one."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One of the three: CPU in µs for a scrape and its share of the pushes, memory in MB, bytes sent."""

    name: str
    version: str
    cpu_us: Spread
    rss_mb: float
    peak_mb: float
    ratio: Spread


@dataclass(frozen=True, slots=True)
class Peers:
    """All of them on the same fleet; ``ratio`` of a peer is pushvar's CPU as a share of the peer's."""

    targets: int
    interval_s: int
    windows: int
    made_with: str
    peers: tuple[Peer, ...]

    def of(self, name: str) -> Peer:
        """The one of that name."""
        return next(peer for peer in self.peers if peer.name == name)


@dataclass(frozen=True, slots=True)
class _Running:
    process: subprocess.Popen[bytes]
    receiver: servers.Receiver

    def cpu_s(self) -> float:
        """CPU of the process and all its threads, user and system, since it began."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def memory_mb(self, key: str) -> float:
        """``VmRSS`` or ``VmHWM``."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


def _version(name: str) -> str:
    if name == PUSHVAR:
        return f"Python {sys.version.split()[0]}"
    program = "vmagent" if name == VMAGENT else "prometheus"
    component = next(one for one in components.COMPONENTS if program in one.programs)
    listed = components.tree(component) / "packages"
    return listed.read_text().split()[1] if listed.is_file() else "of this machine"


def run(count: int, windows: int, environment: dict[str, str], progress: Callable[[], object]) -> Peers:
    """Run all three on so many targets. Raises Different when they do not send the same, ComponentMissing."""
    servers.raise_file_limit()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pushvar-bench-")))
        targets = stack.enter_context(servers.targets(count, folder, pages=pages()))
        running = {
            name: stack.enter_context(_started(name, folder, targets.ports, environment))
            for name in (PUSHVAR, VMAGENT, AGENT)
        }
        _pass(targets, _WARM_UP)
        _compare(running, targets)
        measured: dict[str, list[float]] = {name: [] for name in running}
        for _ in range(windows):
            before = {name: one.cpu_s() for name, one in running.items()}
            _pass(targets, INTERVALS)
            for name, one in running.items():
                measured[name].append(one.cpu_s() - before[name])
            progress()
        return _result(count, targets.made_with, running, measured)


def _result(
    count: int, made_with: str, running: dict[str, _Running], measured: dict[str, list[float]]
) -> Peers:
    scrapes = count * INTERVALS
    peers = tuple(
        Peer(
            name,
            _version(name),
            spread(measured[name]).times(1e6 / scrapes),
            one.memory_mb("VmRSS"),
            one.memory_mb("VmHWM"),
            ratios(measured[PUSHVAR], measured[name]),
        )
        for name, one in running.items()
    )
    return Peers(count, INTERVAL_S, len(measured[PUSHVAR]), made_with, peers)


def pages() -> list[bytes]:
    """The numbers of each document as the Prometheus client would print them."""
    trials = try_rules([], "auto", [("document", body) for body in workload.documents()])
    return [text.encode(trial.families) for trial in trials]


def _compare(running: dict[str, _Running], targets: servers.Targets) -> None:
    """Record what each sends of documents that stand still; raise Different unless pushvar sends the same."""
    targets.show(next(_GENERATIONS))
    time.sleep(INTERVAL_S + 1)  # a scrape that is on its way may still have the document of before
    for one in running.values():
        one.receiver.record()
    time.sleep(2 * INTERVAL_S)
    sent = {name: _values(one.receiver.recorded_bodies()) for name, one in running.items()}
    ours = sent[PUSHVAR]
    if len(ours) != len(targets.ports) * workload.SERIES:
        raise Different(f"pushvar sent {len(ours)} series")
    for name, theirs in sent.items():
        for labels, value in ours.items():
            own = dict(labels)["__name__"] in _OF_THE_SCRAPE
            # vmagent reads decimals in its own way, with an error in the last digit
            if labels not in theirs or not (own or isclose(theirs[labels], value, rel_tol=1e-12)):
                raise Different(f"{name} sent {theirs.get(labels)} for {dict(labels)}, pushvar {value}")


def _values(bodies: list[bytes]) -> dict[tuple[tuple[str, str], ...], float]:
    """The last value of each series."""
    return {
        tuple((label.name, label.value) for label in series.labels): series.samples[-1].value
        for body in bodies
        for series in WriteRequest.FromString(snappy.decompress(body)).timeseries
        if series.samples
    }


_OF_THE_SCRAPE = ("scrape_duration_seconds", "scrape_series_added")
_GENERATIONS = iter(range(1_000_000))


def _pass(targets: servers.Targets, intervals: int) -> None:
    """Let so many intervals pass; the documents change once in each."""
    for _ in range(intervals):
        targets.show(next(_GENERATIONS))
        time.sleep(INTERVAL_S)


@contextmanager
def _started(
    name: str, folder: Path, ports: Sequence[int], environment: dict[str, str]
) -> Iterator[_Running]:
    own = folder / name.replace(" ", "-")
    own.mkdir()
    with servers.receiver() as receiver, (own / "log").open("wb") as log:
        text = workload.configuration([f"127.0.0.1:{port}" for port in ports], receiver.url)
        ours = json.loads(text)
        ours["global"]["scrape_interval"] = f"{INTERVAL_S}s"
        ours["scrape_configs"][0]["metric_relabel_configs"] = _DROP_NOTHING
        command = _command(name, own, ours, receiver.url)
        env = environment if name == PUSHVAR else None
        with subprocess.Popen(command, cwd=REPOSITORY, env=env, stdout=log, stderr=log) as process:
            try:
                yield _Running(process, receiver)
            finally:
                process.terminate()


def _command(name: str, own: Path, ours: dict[str, Any], url: str) -> list[str]:
    config = own / "config.yml"
    if name == PUSHVAR:
        config.write_text(json.dumps(ours))
        command = Path(sys.executable).with_name("pushvar")
        return [str(command), "run", "-c", str(config), "--state", f"sqlite:{own / 'state'}", "--json"]
    theirs = _theirs(ours)
    if name == VMAGENT:
        del theirs["remote_write"]
        config.write_text(yaml.safe_dump(theirs))
        flags = [
            f"-promscrape.config={config}",
            f"-remoteWrite.url={url}",
            f"-remoteWrite.tmpDataPath={own / 'queue'}",
        ]
        return [str(components.find("vmagent")), *flags, "-httpListenAddr=127.0.0.1:0"]
    config.write_text(yaml.safe_dump(theirs))
    flags = ["--enable-feature=agent", f"--config.file={config}", f"--storage.agent.path={own / 'wal'}"]
    return [str(components.find("prometheus")), *flags, "--web.listen-address=127.0.0.1:0"]


def _theirs(ours: dict[str, Any]) -> dict[str, Any]:
    """The same configuration in a peer's words: the page of text, and the labels that pushvar derives."""
    job = ours["scrape_configs"][0]
    config = load(json.dumps(ours), source="workload")
    own = {"job", "instance", *ours["global"]["external_labels"]}
    groups = [
        {"targets": [dict(stamp.fixed)["instance"]], "labels": {k: v for k, v in stamp.fixed if k not in own}}
        for stamp in stamps(config)
    ]
    shared = {"scrape_interval": f"{INTERVAL_S}s", "external_labels": ours["global"]["external_labels"]}
    return {
        "global": shared,
        "scrape_configs": [
            {
                "job_name": job["job_name"],
                "metrics_path": "/metrics",
                "metric_relabel_configs": job["metric_relabel_configs"],
                "static_configs": groups,
            }
        ],
        "remote_write": [{"url": ours["remote_write"][0]["url"]}],
    }


def section(result: Peers) -> Section:
    """The table, with what was asked of pushvar."""
    ours = result.of(PUSHVAR)
    rows = tuple(
        (
            f"{peer.name} {peer.version}",
            f"{peer.cpu_us.median:.0f}",
            f"{peer.cpu_us.low:.0f}-{peer.cpu_us.high:.0f}",
            "1x"
            if peer is ours
            else f"{peer.ratio.median:.2f}x ({peer.ratio.low:.2f}-{peer.ratio.high:.2f})",
            f"{peer.rss_mb:.0f}",
        )
        for peer in result.peers
    )
    goals = "; ".join(
        f"{limit:g}x of {name}: {'reached' if result.of(name).ratio.median <= limit else 'falls short'}"
        for name, limit in GOALS.items()
    )
    title = (
        f"A target-cycle of {workload.SERIES} series, {result.targets} targets every {result.interval_s} s"
    )
    columns = ("client", "CPU, us", "least to most", "pushvar takes", "RSS, MB")
    note = (
        f"{result.windows} windows of {INTERVALS} intervals. Targets served by {result.made_with}. {goals}."
    )
    return Section(title, columns, rows, note)


def _measured(quick: bool) -> list[Section]:  # noqa: FBT001 - what a command is told
    with TemporaryDirectory(prefix="pushvar-bench-") as cache:
        environment = with_bytecode(Path(cache))
        return [
            section(run(100 if quick else workload.TARGETS, 2 if quick else 9, environment, lambda: None))
        ]


main = command(_measured, "CPU of a target-cycle beside vmagent and the Prometheus agent; minutes.")

if __name__ == "__main__":
    main()

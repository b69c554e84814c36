"""The clients of ``peers``: a process each, its configuration in its own words, a receiver of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pushvar.config.load import load

from benchmarks import client, servers, workload
from benchmarks.series import stamps
from tests import components
from tests.components import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PUSHVAR, VMAGENT, AGENT, NAIVE = "pushvar", "vmagent", "Prometheus agent", "naive script"
INTERVAL_S = 5

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_KIB, _MEGA = 1_024, 1e6
_DROP_NOTHING = [{"source_labels": ["__name__"], "regex": "nobody_has_this_.*", "action": "drop"}]
"""A relabelling step for each series, as nearly every real configuration has one."""


@dataclass(frozen=True, slots=True)
class Running:
    """A client at work."""

    name: str
    process: subprocess.Popen[bytes]
    receiver: servers.Receiver

    def cpu_s(self) -> float:
        """CPU of the process and all its threads, user and system, since it began. Raises Failed."""
        if self.process.poll() is not None:
            raise servers.Failed(f"{self.name} ended with status {self.process.returncode}")
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def memory_mb(self, key: str) -> float:
        """``VmRSS`` or ``VmHWM``, in MB of 10^6 bytes."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(key)) * _KIB / _MEGA

    def turn(self) -> None:
        """Let the script go round once; the others know by themselves when an interval is over."""
        if self.name == NAIVE:
            assert self.process.stdin is not None
            self.process.stdin.write(b"cycle\n")
            self.process.stdin.flush()


def version(name: str) -> str:
    """What a client is made with, or its release."""
    if name in {PUSHVAR, NAIVE}:
        return f"Python {sys.version.split()[0]}"
    program = "vmagent" if name == VMAGENT else "prometheus"
    component = next(one for one in components.COMPONENTS if program in one.programs)
    listed = components.tree(component) / "packages"
    return listed.read_text().split()[1] if listed.is_file() else "of this machine"


@contextmanager
def started(name: str, folder: Path, ports: Sequence[int], environment: dict[str, str]) -> Iterator[Running]:
    """Run a client on these targets. Raises ComponentMissing when its program is not here."""
    own = folder / name.replace(" ", "-")
    own.mkdir()
    with servers.receiver() as receiver, (own / "log").open("wb") as log:
        command = _command(name, own, ports, receiver.url)
        env = environment if name in {PUSHVAR, NAIVE} else None
        with subprocess.Popen(
            command, cwd=REPOSITORY, env=env, stdin=subprocess.PIPE, stdout=log, stderr=log
        ) as process:
            try:
                yield Running(name, process, receiver)
            finally:
                process.terminate()


def _command(name: str, own: Path, ports: Sequence[int], url: str) -> list[str]:
    if name == NAIVE:
        client.prepare(own, ports, url)
        return [sys.executable, "-m", "benchmarks.client", "naive", str(own)]
    ours = _ours(ports, url)
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


def _ours(ports: Sequence[int], url: str) -> dict[str, Any]:
    ours: dict[str, Any] = json.loads(workload.configuration([f"127.0.0.1:{port}" for port in ports], url))
    ours["global"]["scrape_interval"] = f"{INTERVAL_S}s"
    ours["scrape_configs"][0]["metric_relabel_configs"] = _DROP_NOTHING
    return ours


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

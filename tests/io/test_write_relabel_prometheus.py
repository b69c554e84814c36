"""write_relabel_configs beside a real Prometheus: what it sends to each backend is what we send."""

from __future__ import annotations

import random
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import snappy
import yaml
from pushvar.app.stamps import stamps_of
from pushvar.catalogue import HEALTH
from pushvar.collect.targets import build_target
from pushvar.config.load import load
from pushvar.convert.converter import Converter
from pushvar.convert.input_format import InputFormat
from pushvar.convert.mapping import built_in
from pushvar.deliver.routes import Router
from pushvar.model import Fetched, Scrape
from pushvar.wire.proto import prometheus_v1_pb2 as pb

from tests import components
from tests.io.test_metric_relabel_prometheus import BODY, CASES, TENANT, Metrics, random_step
from tests.programs import loopback
from tests.programs.process import serving

if TYPE_CHECKING:
    from pathlib import Path

SEED = 8
QUIET_POLLS = 100
"""Two seconds: a scrape and a sending are due in them."""

EXTERNAL = {"region": "eu", "env": "outside", "Zone": "z"}
Labels = tuple[tuple[str, str], ...]


def step(chance: random.Random) -> dict[str, Any]:
    """A step that leaves every series a legal name and guarded labels as they are."""
    made = random_step(chance)
    if chance.random() < 0.3 and "source_labels" in made and made["action"] != "replace":
        made["source_labels"] = chance.choice([["region"], ["__name__", "region"], ["Zone", "a"]])
    return made


def document(address: str, writes: list[str]) -> dict[str, Any]:
    """One job, and one backend for each list of steps."""
    chance = random.Random(SEED)
    labels = {"env": "prod", **dict.fromkeys(TENANT, "gold")}
    queue = {"batch_send_deadline": "100ms"}
    return {
        "global": {"external_labels": EXTERNAL},
        "scrape_configs": [
            {
                "job_name": "j",
                "metrics_path": "/metrics",
                "scrape_interval": "1s",
                "scrape_timeout": "1s",
                "static_configs": [{"targets": [address], "labels": labels}],
            }
        ],
        "remote_write": [
            {
                "url": url,
                "name": f"w{index}",
                "queue_config": queue,
                "write_relabel_configs": [step(chance) for _ in range(chance.randint(1, 4))],
            }
            for index, url in enumerate(writes)
        ],
    }


def read(body: bytes) -> set[Labels]:
    """The label sets of packed or of requested series, as they stand there, which is sorted."""
    found = set()
    for series in pb.WriteRequest.FromString(body).timeseries:
        labels = tuple((label.name, label.value) for label in series.labels)
        assert list(labels) == sorted(labels)
        found.add(labels)
    return found


def ours(said: dict[str, Any]) -> dict[str, set[Labels]]:
    """The series that we would send, by backend."""
    for backend in said["remote_write"]:
        del backend["queue_config"]
    config = load(yaml.safe_dump(said), source="t")
    (job,) = config.scrape_configs
    (group,) = job.static_configs
    stamp = stamps_of(config)(build_target(config, job, group.targets[0], dict(group.labels)))
    plan = Converter().convert(stamp, BODY, built_in("auto"), form=InputFormat("prometheus", True)).plan
    scrape = Scrape(plan, bytes(8 * plan.template.count), Fetched(b"", 1, 0).time_ms)
    found: dict[str, set[Labels]] = {}
    for backend in config.remote_write:
        routed = Router(backend, config.global_.external_labels).route([scrape])
        sent = [one for lane in routed.lanes.values() for one in lane]
        found[backend.name] = read(b"".join(one.plan.template.pack(one.values, one.time_ms) for one in sent))
        assert {"illegal", "guarded"}.isdisjoint(dict(routed.relabelled))
    return found


class Writes(BaseHTTPRequestHandler):
    """Takes remote write and keeps the label sets by path, over all requests."""

    kept: dict[str, set[Labels]]

    def do_POST(self) -> None:
        """Keep the series of one request."""
        body = snappy.uncompress(self.rfile.read(int(self.headers["Content-Length"])))
        self.kept[self.path.strip("/")] |= read(body)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def run(folder: Path, said: dict[str, Any], sees: set[str], kept: dict[str, set[Labels]]) -> None:
    """Let a real Prometheus scrape and write until each of these got something, and nothing new comes."""
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(said))
    program, data = str(components.find("prometheus")), folder / "data"
    command = [program, f"--config.file={config}", f"--storage.tsdb.path={data}"]
    log = folder / "prometheus.log"
    with serving(
        lambda ports: [*command, f"--web.listen-address=127.0.0.1:{ports[0]}"], log, ready_path="/-/ready"
    ):
        loopback.wait_until(
            lambda: all(kept[name] for name in sees), timeout_s=60, what="series at every backend"
        )
        before: list[int] = []

        def settled() -> bool:
            before.append(sum(map(len, kept.values())))
            return len(before) > QUIET_POLLS and before[-QUIET_POLLS] == before[-1]

        loopback.wait_until(settled, timeout_s=60, what="no new series")


def test_what_prometheus_writes_is_what_is_sent(tmp_path: Path) -> None:
    """Forty random lists of steps: the same series at each backend, to the last label, health series too."""
    Writes.kept = {f"w{index}": set() for index in range(CASES)}
    metrics = ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    writes = ThreadingHTTPServer(("127.0.0.1", 0), Writes)
    with loopback.served(metrics), loopback.served(writes):
        urls = [f"http://127.0.0.1:{writes.server_address[1]}/w{index}" for index in range(CASES)]
        said = document(f"127.0.0.1:{metrics.server_address[1]}", urls)
        theirs = Writes.kept
        steps = {one["name"]: one["write_relabel_configs"] for one in said["remote_write"]}
        expected = ours(yaml.safe_load(yaml.safe_dump(said)))
        run(tmp_path, said, {name for name, series in expected.items() if series}, theirs)
    for name, series in expected.items():
        assert series == theirs[name], steps[name]
    assert sum(map(len, expected.values())) > CASES * len(HEALTH)

"""Metric relabelling beside a real Prometheus: the series that it stores are those that we send."""

from __future__ import annotations

import json
import random
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import yaml
from pushvar.app.stamps import stamps_of
from pushvar.catalogue import HEALTH
from pushvar.collect.targets import build_target
from pushvar.config.load import load
from pushvar.convert.converter import Converter
from pushvar.convert.input_format import InputFormat
from pushvar.convert.mapping import built_in
from pushvar.convert.plan import labelled_rows

from tests import components
from tests.programs import loopback
from tests.programs.process import serving

if TYPE_CHECKING:
    from pathlib import Path

SEED = 5
CASES = 40
BODY = b"""# TYPE requests_total counter
requests_total{a="foo",b="1",x_c="u"} 1
requests_total{a="Bar",b="2"} 2
# TYPE depth gauge
depth{a="foo",exported_env="e"} 3
depth 4
size{env="mine",b="4.5"} 5
"""
TENANT = ("customer_id", "service_domain", "sla_tier")
SOURCES = [["a"], ["b", "a"], ["__name__"], ["__name__", "a"], ["env"], ["exported_env"], ["none"]]
REGEXES = ["(.*)", "(.+)", "f(o+)", "(.)(.*)", "([^;]*);(.*)", "depth|foo", "requests_(.*)", "", "(?i)bar.*"]
TEXTS = ["$1", "${1}_n", "m_$1", "v", "", "x$2"]
TARGETS = ["a", "d", "env", "n_$1", "__name__"]


def random_step(chance: random.Random) -> dict[str, Any]:
    """A step that leaves every series a legal name: without one Prometheus refuses the whole scrape."""
    action = chance.choice(
        ["replace"] * 5 + ["keep", "drop", "labelmap", "labeldrop", "hashmod", "uppercase"]
    )
    if action == "labelmap":
        return {"action": action, "regex": "(a|b|x_.)", "replacement": chance.choice(["m_$1", "d", "$1"])}
    if action == "labeldrop":
        return {"action": action, "regex": chance.choice(["a", "x_.*", "env", "[bd]"])}
    step: dict[str, Any] = {"action": action, "source_labels": chance.choice(SOURCES)}
    if action in ("hashmod", "uppercase"):
        return {**step, "target_label": "d", **({"modulus": 7} if action == "hashmod" else {})}
    step["regex"] = chance.choice(REGEXES)
    if action != "replace":
        return (
            {**step, "action": "drop"}
            if step["regex"] not in ("(.*)", "(.+)")
            else {**step, "action": "keep"}
        )
    step |= {"target_label": chance.choice(TARGETS), "replacement": chance.choice(TEXTS)}
    if step["target_label"] == "__name__":
        step |= {"regex": "(?:.*;)?([a-zA-Z_]*).*", "replacement": chance.choice(["m_$1", "same"])}
    return step


def jobs(address: str) -> list[dict[str, Any]]:
    """One job for each case; all scrape the same text. Prometheus is told our tenant labels as its own."""
    chance = random.Random(SEED)
    labels = {"env": "prod", **dict.fromkeys(TENANT, "gold")}
    return [
        {
            "job_name": f"j{index}",
            "metrics_path": "/metrics",
            "scrape_interval": "1s",
            "scrape_timeout": "1s",
            "honor_labels": index % 4 == 0,
            "static_configs": [{"targets": [address], "labels": labels}],
            "metric_relabel_configs": [random_step(chance) for _ in range(chance.randint(1, 4))],
        }
        for index in range(CASES)
    ]  # fmt: skip


def ours(blocks: list[dict[str, Any]]) -> dict[str, set[tuple[tuple[str, str], ...]]]:
    """The series that we would send, by job."""
    config = load(yaml.safe_dump({"scrape_configs": blocks}), source="t")
    stamp_of = stamps_of(config)
    found: dict[str, set[tuple[tuple[str, str], ...]]] = {}
    for job in config.scrape_configs:
        (group,) = job.static_configs
        stamp = stamp_of(build_target(config, job, group.targets[0], dict(group.labels)))
        plan = Converter().convert(stamp, BODY, built_in("auto"), form=InputFormat("prometheus", True)).plan
        rows = [*labelled_rows(stamp, plan.shape)][: -len(HEALTH)]
        found[job.job_name] = {tuple(sorted((*labels, ("__name__", row.name)))) for row, labels in rows}
    return found


class Metrics(BaseHTTPRequestHandler):
    """Serves the text to whoever asks."""

    def do_GET(self) -> None:
        """Answer with the text, whatever the path."""
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def stored(folder: Path, blocks: list[dict[str, Any]]) -> dict[str, set[tuple[tuple[str, str], ...]]]:
    """The series that a real Prometheus stores of these jobs, but for those that it makes itself."""
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump({"scrape_configs": blocks}))
    program, data = str(components.find("prometheus")), folder / "data"
    command = [program, f"--config.file={config}", f"--storage.tsdb.path={data}"]
    log = folder / "prometheus.log"
    with serving(
        lambda ports: [*command, f"--web.listen-address=127.0.0.1:{ports[0]}"], log, ready_path="/-/ready"
    ) as (_, port):
        url = f"http://127.0.0.1:{port}/api/v1"

        def ask(path: str) -> Any:
            return json.loads(loopback.get(f"{url}/{path}").body)["data"]

        loopback.wait_until(
            lambda: len(ask("query?query=scrape_series_added")["result"]) == len(blocks),
            timeout_s=30,
            what="a scrape of every job",
        )
        assert {one["value"][1] for one in ask("query?query=up")["result"]} == {"1"}
        series = ask("series?match[]=%7B__name__=~%22.%2B%22%7D")
    found: dict[str, set[tuple[tuple[str, str], ...]]] = {one["job_name"]: set() for one in blocks}
    health = {family.name for family in HEALTH}
    for one in series:
        if one["__name__"] not in health:
            found[one["job"]].add(tuple(sorted(one.items())))
    return found


def test_what_prometheus_stores_is_what_is_sent(tmp_path: Path) -> None:
    """Forty random lists of steps, with honor_labels and without: the same series, to the last label."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    with loopback.served(server):
        blocks = jobs(f"127.0.0.1:{server.server_address[1]}")
        theirs = stored(tmp_path, blocks)
    mine = ours(blocks)
    for block in blocks:
        name = block["job_name"]
        assert mine[name] == theirs[name], block["metric_relabel_configs"]
    assert sum(map(len, mine.values())) > CASES

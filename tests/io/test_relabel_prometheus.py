"""Relabelling beside a real Prometheus: one job for each case, and the same labels in the end."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pushvar.config.load import load
from pushvar.labels.relabel import compile_relabelling

from tests import components
from tests.programs import loopback
from tests.programs.process import serving
from tests.relabel_cases import CASES, Case

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS = "127.0.0.1:9"
SEED = 4
"""The random configurations are the same in every run."""

SOURCES = [["a"], ["b"], ["a", "b"], ["b", "x_c", "a"], ["none"], ["x_c"], ["__address__"], ["job"]]
REGEXES = [
    "(.*)",
    "(.+)",
    "f(o+)",
    "(?P<head>.)(?P<tail>.*)",
    "([^;]*);(.*)",
    "foo|bar",
    "x_(.)",
    "",
    "(?i)FOO",
]
TEXTS = ["$1", "${1}", "${2}-$1", "${tail}", "$head", "v", "", "$$1", "$1$2", "a$", "x$1x", "${1}_é", "$0"]
TARGETS = ["a", "d", "x_c", "n_$1", "${1}", "${tail}_t"]


def random_step(chance: random.Random) -> dict[str, Any]:
    """A step that may do anything but take the address away."""
    action = chance.choice(
        ["replace"] * 6 + ["labelmap", "labeldrop", "hashmod", "lowercase", "uppercase", "keep", "drop"]
    )
    step: dict[str, Any] = {"action": action}
    if action not in ("labelmap", "labeldrop"):
        step["source_labels"] = chance.choice(SOURCES)
        step["separator"] = chance.choice([";", ";", "", "-"])
    if action in ("replace", "keep", "drop", "labelmap"):
        step["regex"] = chance.choice(REGEXES if action != "labelmap" else ["x_(.*)", "(a|b)", "none(.*)"])
    if action == "labeldrop":
        step["regex"] = chance.choice(["a", "x_.*", "[bd]", "none"])
    if action == "labelmap":
        step["replacement"] = chance.choice(["m_$1", "${1}_m"])
    if action == "replace":
        step |= {"target_label": chance.choice(TARGETS), "replacement": chance.choice(TEXTS)}
    if action in ("hashmod", "lowercase", "uppercase"):
        step["target_label"] = chance.choice(["a", "d", "e"])
    if action == "hashmod":
        step["modulus"] = chance.choice([1, 2, 7, 1000])
    return step


def random_cases(count: int) -> list[Case]:
    """Cases of one to five steps; what they give is for Prometheus to say."""
    chance = random.Random(SEED)
    labels = {"a": "foo", "b": "Bar", "x_c": "größe-9"}
    return [
        Case([random_step(chance) for _ in range(chance.randint(1, 5))], labels, None) for _ in range(count)
    ]


def job(index: int, case: Case) -> dict[str, Any]:
    """The scrape config that asks Prometheus one case; nothing is scraped meanwhile."""
    return {
        "job_name": f"j{index}",
        "scrape_interval": "1h",
        "static_configs": [{"targets": [ADDRESS], "labels": case.labels}],
        "relabel_configs": case.steps,
    }


def ours(index: int, case: Case) -> dict[str, str] | None:
    """What our relabelling leaves of the same target, without what Prometheus hides."""
    document = yaml.safe_dump({"scrape_configs": [job(index, case)]}, allow_unicode=True)
    (scrape,) = load(document, source="t").scrape_configs
    relabelling = compile_relabelling(scrape.relabel_configs)
    assert relabelling is not None
    labels = {
        **case.labels, "job": f"j{index}", "__address__": ADDRESS, "__scheme__": "http",
        "__metrics_path__": "/metrics", "__scrape_interval__": "1h", "__scrape_timeout__": "10s",
    }  # fmt: skip
    found = relabelling.apply(dict(sorted(labels.items())))
    if found is None:
        return None
    found.setdefault("instance", found["__address__"])
    return {name: value for name, value in found.items() if not name.startswith("__")}


def theirs(folder: Path, cases: list[Case]) -> dict[str, dict[str, str]]:
    """The labels of every target that a real Prometheus keeps, by the name of its scrape config."""
    config = folder / "prometheus.yml"
    jobs = [job(index, case) for index, case in enumerate(cases)]
    config.write_text(yaml.safe_dump({"scrape_configs": jobs}, allow_unicode=True))
    command = [
        str(components.find("prometheus")),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
    ]  # fmt: skip
    with serving(
        lambda ports: [*command, f"--web.listen-address=127.0.0.1:{ports[0]}"],
        folder / "prometheus.log",
        ready_path="/-/ready",
    ) as (_, port):

        def targets() -> dict[str, Any]:
            answer = loopback.get(f"http://127.0.0.1:{port}/api/v1/targets")
            found: dict[str, Any] = json.loads(answer.body)["data"]
            return found

        def known() -> bool:
            found = targets()
            return len(found["activeTargets"]) + len(found["droppedTargets"]) == len(cases)

        loopback.wait_until(known, timeout_s=30, what="all targets of all jobs")
        return {target["scrapePool"]: target["labels"] for target in targets()["activeTargets"]}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """One Prometheus for all cases of this module."""
    return theirs(tmp_path_factory.mktemp("relabel"), ALL)


ALL = [*CASES, *random_cases(120)]


def test_every_case_is_what_prometheus_makes_of_it(answers: dict[str, dict[str, str]]) -> None:
    """Each target has the same labels in a real Prometheus and here, or both drop it."""
    different = [
        (case.steps, answers.get(f"j{index}"), ours(index, case))
        for index, case in enumerate(ALL)
        if answers.get(f"j{index}") != ours(index, case)
    ]
    assert different == []


def test_the_table_is_what_prometheus_makes_of_it(answers: dict[str, dict[str, str]]) -> None:
    """What stands beside a case in the table is Prometheus' own answer; only job and instance come to it."""
    for index, case in enumerate(CASES):
        found = answers.get(f"j{index}")
        rest = found and {name: value for name, value in found.items() if name not in {"job", "instance"}}
        assert rest == case.expected, case.steps

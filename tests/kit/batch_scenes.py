"""Batch jobs as a story in minutes, told to promtool: which alerts fire when.

A ``Job`` has runs; what each pushes is kept in a group, as a gateway does with POSTs, and reaches
Prometheus in one of two ways: ``RESENT`` every minute as long as the group lives (pushvar's gateway, or a
Pushgateway that is scraped), or ``ONCE``, when it was pushed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pushvar.catalogue import BATCH_FAMILIES
from pushvar.kit.batch_rules import batch_rule_file

from tests.programs.commands import promtool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RESENT, ONCE = "re-sent", "once"
WAYS = (RESENT, ONCE)
HOUR = 60  # minutes
DAY = 24 * HOUR

Values = dict[str, float]
Fired = Mapping[int, set[str]]
"""By minute, the names of the alerts that fire, without their prefix; ``Missed/acme`` with a customer."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run from one minute to another. One that ``dies`` says nothing more from then on."""

    start: int
    end: int
    good: bool = True
    dies: int | None = None
    overlapping: bool = False

    def pushes(self, beat: int) -> Iterator[tuple[int, Values]]:
        """What it pushes at which minute: as ``pushvar job run`` does."""
        last = self.end if self.dies is None else self.dies
        start = {"running": 1.0, "last_start_timestamp_seconds": 60.0 * self.start}
        yield self.start, {**start, "overlapping": float(self.overlapping)}
        for minute in range(self.start, last, beat) if beat else ():
            yield minute, {**start, "heartbeat_timestamp_seconds": 60.0 * minute}
        if self.dies is None:
            yield self.end, self._ending()

    def _ending(self) -> Values:
        outcome = "success" if self.good else "failure"
        return {
            "running": 0.0,
            "last_completion_timestamp_seconds": 60.0 * self.end,
            f"last_{outcome}_timestamp_seconds": 60.0 * self.end,
            "last_success": float(self.good),
            "last_exit_code": 0.0 if self.good else 3.0,
            "duration_seconds": 60.0 * (self.end - self.start),
        }


@dataclass(frozen=True, slots=True)
class Job:
    """A job: what it declares (in minutes), its runs, and how it is told.

    ``ends`` is the minute of a DELETE or of the expiry, and what it pushes after that makes a new group;
    ``left_out`` has metrics that a PUT leaves out from that minute on. ``skew_s`` is how far its clock is
    ahead, ``beat`` how many minutes are between its heartbeats, 0 for none; ``only`` are the metrics that
    another client pushes.
    """

    runs: tuple[Run, ...] = ()
    every: int = HOUR
    timeout: int = 0
    way: str = RESENT
    ends: int | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)
    beat: int = 1
    skew_s: float = 0.0
    only: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def series(self, minutes: int) -> Iterator[tuple[str, str]]:
        """Each series and its values, as promtool writes them."""
        columns: dict[str, list[str]] = {}
        kept: Values = {}
        pushes = self._pushes()
        for minute in range(minutes):
            pushed = pushes.get(minute, {})
            kept = pushed if minute == self.ends else kept | pushed
            for name in pushed:
                columns.setdefault(name, ["_"] * minute)
            for name, column in columns.items():
                column.append(self._shown(name, minute, pushed, kept))
        labels = ", ".join(
            f"{name}={json.dumps(text)}" for name, text in {"job": "nightly", **self.labels}.items()
        )
        for name, column in columns.items():
            yield f"batch_job_{name}{{{labels}}}", " ".join(column)

    def _shown(self, name: str, minute: int, pushed: Values, kept: Values) -> str:
        values = kept if self.way == RESENT else pushed
        left_out = self.left_out.get(name, minute + 1)
        if name in values and minute < left_out:
            return f"{values[name]:.15g}"
        return "stale" if minute in {self.ends, left_out} else "_"

    def _pushes(self) -> dict[int, Values]:
        found: dict[int, Values] = {}
        for run in self.runs:
            for minute, values in run.pushes(self.beat):
                found.setdefault(minute, dict(self._declared)).update(values)
        return {minute: self._told(values) for minute, values in found.items()}

    @property
    def _declared(self) -> Values:
        facts = {"interval_seconds": 60.0 * self.every, "timeout_seconds": 60.0 * self.timeout}
        return {name: value for name, value in facts.items() if value}

    def _told(self, values: Values) -> Values:
        return {
            name: value + self.skew_s if name.endswith("_timestamp_seconds") else value
            for name, value in values.items()
            if not self.only or name in self.only
        }


def regular(
    count: int, *, every: int = HOUR, takes: int = 2, good: bool = True, first: int = 1
) -> tuple[Run, ...]:
    """Runs on time, all alike."""
    return tuple(Run(first + n * every, first + n * every + takes, good) for n in range(count))


def of(job: Job, **labels: str) -> Job:
    """The same job with labels."""
    return replace(job, labels=labels)


def play(folder: Path, jobs: Job | tuple[Job, ...], fired: Fired) -> None:
    """Fail unless exactly these alerts fire at these minutes, and say what promtool said."""
    told = (jobs,) if isinstance(jobs, Job) else jobs
    queries = [_query(minute, names) for minute, names in fired.items()]
    judge(folder, told, max(fired), {"promql_expr_test": queries})


def judge(folder: Path, jobs: tuple[Job, ...], minutes: int, tests: Mapping[str, Any]) -> None:
    """Let promtool run tests of its own kinds on the committed rules."""
    series = [one for job in jobs for one in job.series(minutes + 1)]
    assert {name.partition("{")[0] for name, _ in series} <= set(BATCH_FAMILIES), (
        "a metric that nobody pushes"
    )
    document = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {"interval": "1m", "input_series": [{"series": n, "values": v} for n, v in series], **tests}
        ],
    }
    (folder / "rules.yml").write_text(batch_rule_file(), "utf-8")
    (folder / "test.json").write_text(json.dumps(document), "utf-8")  # which is YAML too
    done = promtool("test", "rules", folder / "test.json")
    assert done.returncode == 0, done.stdout + done.stderr


def _query(minute: int, names: set[str]) -> dict[str, Any]:
    samples = []
    for name in sorted(names):
        alert, _, customer = name.partition("/")
        labels = {"alertname": f"PushvarBatchJob{alert}"} | ({"customer_id": customer} if customer else {})
        listed = ", ".join(f"{key}={json.dumps(value)}" for key, value in labels.items())
        samples.append({"labels": f"{{{listed}}}", "value": 1})
    query = 'count by (alertname, customer_id) (ALERTS{alertstate="firing"})'
    return {"expr": query, "eval_time": f"{minute}m", "exp_samples": samples}

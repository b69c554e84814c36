"""What ``run`` tells a person, or a program, about each cycle."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

import click

from pushvar.catalogue import DROPPED, FAILURE_CLASSES, SHED, SKIPPED
from pushvar.cli.parting import kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.config.schema import Config
    from pushvar.errors import ConfigError
    from pushvar.model import Delivery, Report, Scrape

SCHEMA = 1


class Reporter(Protocol):
    """Tells about problems of the configuration and about cycles."""

    def problems(self, problems: Sequence[ConfigError]) -> None:
        """What is wrong although the run goes on; said once for as long as it lasts."""

    def cycle(self, report: Report) -> None:
        """One cycle ended."""

    def parting(self, report: Report, config: Config) -> None:
        """The run ends, and this was its last cycle: what is left for the next run."""


def reporter(*, as_json: bool, durable: bool = True) -> Reporter:
    """The reporter for programs, or for people; without a ``durable`` state no next run has what waits."""
    return JsonLines() if as_json else Lines(durable=durable)


class _News:
    """Tells apart what was said in the cycle before from what is new."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def of(self, problems: Sequence[object]) -> list[str]:
        """The texts that were not among the last call's."""
        texts = [str(problem) for problem in problems]
        new = [text for text in texts if text not in self._said]
        self._said = set(texts)
        return new


class Lines:
    """One line for each cycle, one for each target or backend whose state changed."""

    def __init__(self, *, durable: bool = True) -> None:
        self._durable = durable
        self._down: dict[str, str] = {}
        self._failing: dict[str, str] = {}
        self._dropped: dict[str, _News] = {}
        self._shed: dict[str, str] = {}
        self._news = _News()

    def problems(self, problems: Sequence[ConfigError]) -> None:
        """Yellow, on standard error."""
        for problem in self._news.of(problems):
            click.secho(f"warning: {problem}", err=True, fg="yellow")

    def cycle(self, report: Report) -> None:
        """The changes, then the sum."""
        if report.skipped:
            click.secho(f"{_clock(report)}  skipped: {report.detail or SKIPPED[report.skipped]}", fg="yellow")
            return
        for scrape in report.scrapes:
            self._target(scrape)
        for delivery in report.deliveries:
            self._backend(delivery)
        click.echo(f"{_clock(report)}  {_sum(report)}")

    def parting(self, report: Report, config: Config) -> None:
        """A line for each backend that samples wait for, on standard error."""
        for line in kept(report, config, durable=self._durable):
            click.secho(line, err=True, fg="yellow")

    def _backend(self, delivery: Delivery) -> None:
        name, error = delivery.backend, delivery.error
        if error and self._failing.get(name) != error:
            colour, fate = _fate(delivery)
            click.secho(f"  {name}  {fate}{error}", fg=colour)
        self._failing[name] = error
        reasons = [f"dropped: {reason}: {DROPPED.get(reason, reason)}" for reason, _ in delivery.dropped]
        for text in self._dropped.setdefault(name, _News()).of([*reasons, *delivery.notes]):
            click.secho(f"  {name}  {text}", fg="red")

    def _target(self, scrape: Scrape) -> None:
        url, reason = scrape.plan.target.url, scrape.reason
        if reason == "ok":
            self._budget(url, scrape)
        before = self._down.get(url, "ok")
        if reason == before:
            return
        self._down[url] = reason
        if reason == "ok":
            click.secho(f"  up    {url}", fg="green")
        else:
            click.secho(f"  down  {url}  {reason}: {scrape.detail}; {FAILURE_CLASSES[reason][1]}", fg="red")

    def _budget(self, url: str, scrape: Scrape) -> None:
        """Say it once for as long as the same budgets cost a target series."""
        reasons = ", ".join(SHED[reason] for reason, _ in scrape.plan.shed)
        if reasons and self._shed.get(url) != reasons:
            count = sum(count for _, count in scrape.plan.shed)
            click.secho(f"  shed  {url}  {count} series: {reasons}", fg="yellow")
        self._shed[url] = reasons


class JsonLines:
    """One JSON object for each cycle, on standard output."""

    def __init__(self) -> None:
        self._news = _News()

    def problems(self, problems: Sequence[ConfigError]) -> None:
        """On standard error: standard output holds cycles only."""
        for problem in self._news.of(problems):
            click.echo(json.dumps({"schema": SCHEMA, "problem": problem}), err=True)

    def cycle(self, report: Report) -> None:
        """The whole report, less the values."""
        click.echo(json.dumps({"schema": SCHEMA, **cycle_object(report)}))

    def parting(self, report: Report, config: Config) -> None:
        """Nothing: the report of the last cycle says what waits."""


def cycle_object(report: Report) -> dict[str, object]:
    """A report as plain JSON values."""
    return {
        "shard": report.shard,
        "cycle": report.cycle,
        "config_version": report.config_version,
        "duration_s": round(report.duration_s, 6),
        "skipped": report.skipped,
        "detail": report.detail,
        "lost_cycles": report.lost_cycles,
        "groups": sum(scrape.plan.target.pushed for scrape in report.scrapes),
        "targets": [
            {
                "url": scrape.plan.target.url,
                "labels": dict(scrape.plan.target.labels),
                "reason": scrape.reason,
                "detail": scrape.detail,
                "time_ms": scrape.time_ms,
                "duration_s": round(scrape.duration_s, 6),
                "body_bytes": scrape.body_bytes,
                "samples": scrape.samples,
                "repairs": len(scrape.repairs),
                "shed": dict(scrape.plan.shed),
            }
            for scrape in report.scrapes
            if not scrape.plan.target.pushed
        ],
        "backends": [
            {**asdict(one), "dropped": dict(one.dropped), "failed": one.failed} for one in report.deliveries
        ],
    }


def delivered(delivery: Delivery, now_ms: int) -> str:
    """What became of a backend's samples, in words; what is nothing is left out but what was sent."""
    reasons = ", ".join(
        reason if count == delivery.lost else f"{reason} {count}" for reason, count in delivery.dropped
    )
    age_s = max(0, now_ms - delivery.waiting_since_ms) / 1000
    said = (
        (delivery.replayed, f"{delivery.replayed} replayed"),
        (delivery.spooled, f"{delivery.spooled} spooled"),
        (delivery.lost, f"{delivery.lost} dropped ({reasons})"),
        (delivery.waiting > delivery.spooled, f"{delivery.waiting} waiting, the oldest for {age_s:.0f} s"),
        (delivery.retries, f"{delivery.retries} retries"),
    )
    return ", ".join([f"{delivery.sent} sent", *(words for so, words in said if so)])


def _fate(delivery: Delivery) -> tuple[str, str]:
    """The colour of a backend's error, and what came of it."""
    if delivery.lost:
        return "red", ""
    kept = delivery.spooled or delivery.waiting
    return "yellow", "kept for a later cycle: " if kept else "in the end it went well; before: "


def _clock(report: Report) -> str:
    return time.strftime("%H:%M:%S", time.localtime(report.started_ms / 1000))


def _sum(report: Report) -> str:
    down = sum(scrape.reason != "ok" for scrape in report.scrapes)
    groups = sum(scrape.plan.target.pushed for scrape in report.scrapes)
    count = len(report.scrapes) - groups
    targets = f"{count} target{'' if count == 1 else 's'}"
    targets += f", {groups} group{'' if groups == 1 else 's'}" if groups else ""
    targets += f" ({down} down)" if down else ""
    backends = "; ".join(f"{one.backend}: {delivered(one, report.started_ms)}" for one in report.deliveries)
    lost = f"; {report.lost_cycles} earlier cycle died" if report.lost_cycles else ""
    return f"{targets}  {backends}  {report.duration_s:.2f} s{lost}"

"""What ``run`` tells a person, or a program, about each cycle."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

import click

from pushvar.catalogue import FAILURE_CLASSES, SKIPPED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.errors import ConfigError
    from pushvar.model import Report, Scrape

SCHEMA = 1


class Reporter(Protocol):
    """Tells about problems of the configuration and about cycles."""

    def problems(self, problems: Sequence[ConfigError]) -> None:
        """What is wrong although the run goes on; said once for as long as it lasts."""

    def cycle(self, report: Report) -> None:
        """One cycle ended."""


def reporter(*, as_json: bool) -> Reporter:
    """The reporter for programs, or for people."""
    return JsonLines() if as_json else Lines()


class _News:
    """Tells apart what was said in the cycle before from what is new."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def of(self, problems: Sequence[ConfigError]) -> list[str]:
        """The texts that were not among the last call's."""
        texts = [str(problem) for problem in problems]
        new = [text for text in texts if text not in self._said]
        self._said = set(texts)
        return new


class Lines:
    """One line for each cycle, one for each target or backend whose state changed."""

    def __init__(self) -> None:
        self._down: dict[str, str] = {}
        self._failing: dict[str, str] = {}
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
            if delivery.error and self._failing.get(delivery.backend) != delivery.error:
                fate = ("red", "") if delivery.failed else ("yellow", "in the end it went well; before: ")
                click.secho(f"  {delivery.backend}  {fate[1]}{delivery.error}", fg=fate[0])
            self._failing[delivery.backend] = delivery.error
        click.echo(f"{_clock(report)}  {_sum(report)}")

    def _target(self, scrape: Scrape) -> None:
        url, reason = scrape.plan.target.url, scrape.reason
        before = self._down.get(url, "ok")
        if reason == before:
            return
        self._down[url] = reason
        if reason == "ok":
            click.secho(f"  up    {url}", fg="green")
        else:
            click.secho(f"  down  {url}  {reason}: {scrape.detail}; {FAILURE_CLASSES[reason][1]}", fg="red")


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


def cycle_object(report: Report) -> dict[str, object]:
    """A report as plain JSON values."""
    return {
        "shard": report.shard,
        "cycle": report.cycle,
        "duration_s": round(report.duration_s, 6),
        "skipped": report.skipped,
        "detail": report.detail,
        "lost_cycles": report.lost_cycles,
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
                "repairs": scrape.repairs,
            }
            for scrape in report.scrapes
        ],
        "backends": [asdict(delivery) for delivery in report.deliveries],
    }


def _clock(report: Report) -> str:
    return time.strftime("%H:%M:%S", time.localtime(report.started_ms / 1000))


def _sum(report: Report) -> str:
    down = sum(scrape.reason != "ok" for scrape in report.scrapes)
    count = len(report.scrapes)
    targets = f"{count} target{'' if count == 1 else 's'}" + (f" ({down} down)" if down else "")
    backends = "; ".join(
        f"{one.backend}: {one.sent} sent" + (f", {one.failed} failed" if one.failed else "")
        + (f", {one.retries} retries" if one.retries else "")
        for one in report.deliveries
    )  # fmt: skip
    lost = f"; {report.lost_cycles} earlier cycle died" if report.lost_cycles else ""
    return f"{targets}  {backends}  {report.duration_s:.2f} s{lost}"

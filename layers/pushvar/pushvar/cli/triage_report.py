"""What ``pushvar triage`` shows people: steps as a tree, timings as bars, one cause, one next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pushvar.cli.tables import printable
from pushvar.kit.triage.verdict import BAD, OK, UNKNOWN, WARN, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.kit.triage.verdict import Step, Verdict

_COLOURS = {OK: "green", BAD: "red", WARN: "yellow", UNKNOWN: "bright_black"}
_WORDS = {OK: "ok", BAD: "BAD", WARN: "look", UNKNOWN: "not seen"}
_BAR_CHARS = 30


def show_verdict(verdict: Verdict) -> None:
    """Print all of it; what came from outside is made harmless for a terminal."""
    click.secho(printable(f"why is there no data of {verdict.subject}?"), bold=True)
    for number, step in enumerate(verdict.steps, 1):
        _show(number, step, last=number == len(verdict.steps))
    found = verdict.found
    if found is not None:
        click.secho(printable(f"cause: {found.cause}"), bold=True, fg="red")
        click.secho(printable(f"next: {found.next}"), bold=True)
        return
    ruled = joined(verdict.ruled_out) or "nothing"
    click.secho(printable(f"cause: none was found; ruled out: {ruled}"), bold=True, fg="green")
    unseen = joined(verdict.not_seen)
    click.secho(
        printable(f"next: have looked at what was not seen: {unseen}" if unseen else
                  "next: look at the query or dashboard itself: its labels, and its time range"),
        bold=True,
    )  # fmt: skip


def _show(number: int, step: Step, *, last: bool) -> None:
    branch, stem = ("└─", "   ") if last else ("├─", "│  ")
    click.echo(printable(f"{branch} {number}. {step.title}: {step.looked}  "), nl=False)
    click.secho(_WORDS[step.state], fg=_COLOURS[step.state])
    for line in (*_bars(step), *step.seen):
        click.echo(printable(f"{stem}     {line}"))
    if step.finding is not None:
        click.secho(printable(f"{stem}  => {step.finding.cause}"), fg=_COLOURS[step.state])
    elif step.then:
        click.secho(printable(f"{stem}  => {step.then}"), dim=True)


def _bars(step: Step) -> Iterator[str]:
    """A line for each part of a fetch, as long as it took."""
    whole = sum(seconds for _, seconds in step.timings) or 1.0
    if len(step.timings) < 2:  # noqa: PLR2004 - one part has nothing to be compared with
        return
    for name, seconds in step.timings:
        yield f"{name:<10} {seconds * 1000:>9.1f} ms  {'█' * max(1, round(seconds / whole * _BAR_CHARS))}"

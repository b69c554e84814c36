"""What ``pushvar check`` shows people: a line for each check, the next step beneath a finding."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pushvar.cli.tables import counted, printable
from pushvar.kit.gate.facts import Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pushvar.kit.gate.checks import Result
    from pushvar.kit.gate.facts import Facts
    from pushvar.kit.gate.verdict import Verdict

_COLOURS = {Level.PASS: "green", Level.WARN: "yellow", Level.FAIL: "red"}
_WORDS = {Level.PASS: "ok", Level.WARN: "warn", Level.FAIL: "FAIL"}
_WORD_CHARS, _NAME_CHARS = 4, 12


def show_verdict(verdict: Verdict) -> None:
    """The whole table of one URL."""
    click.secho(printable(verdict.facts.url), bold=True, nl=False)
    click.secho(f"  {_summary(verdict.facts)}", dim=True)
    for one in verdict.results:
        if one.level != Level.SKIP:
            _show(one)
    skipped = [one for one in verdict.results if one.level == Level.SKIP]
    if skipped:
        click.secho(f"  -     {counted(len(skipped), 'check')} {skipped[0].findings[0].what}", dim=True)
    failed, warned = verdict.count(Level.FAIL), verdict.count(Level.WARN)
    counts = f"{counted(failed, 'failure')}, {counted(warned, 'warning')}"
    if verdict.ships:
        click.secho(f"ships: {counts}", fg="green", bold=True)
    else:
        click.secho(f"does not ship: {counts}", fg="red", bold=True)


def show_quietly(verdicts: Sequence[Verdict]) -> None:
    """A line for each finding that forbids shipping."""
    for verdict in verdicts:
        least = Level.WARN if verdict.strict else Level.FAIL
        for one in verdict.results:
            for finding in one.findings:
                if finding.level >= least:
                    click.echo(printable(f"{verdict.facts.url}: {one.check.name}: {finding.what}"))


@contextmanager
def progress_line(doing: str) -> Iterator[None]:
    """A line that goes away, where a person looks on."""
    seen = sys.stderr.isatty()
    if seen:
        click.echo(f"{printable(doing)} ...", nl=False, err=True)
    try:
        yield
    finally:
        if seen:
            click.echo("\r\x1b[K", nl=False, err=True)


def _show(one: Result) -> None:
    word = click.style(
        f"{_WORDS[one.level]:<{_WORD_CHARS}}", fg=_COLOURS[one.level], bold=one.level == Level.FAIL
    )
    first = one.findings[0].what if one.findings else one.check.demand
    click.echo(f"  {word}  {one.check.name:<{_NAME_CHARS}}  ", nl=False)
    click.secho(printable(first), dim=one.level == Level.PASS)
    indent = " " * (_WORD_CHARS + _NAME_CHARS + 6)
    for place, finding in enumerate(one.findings):
        if place:
            click.echo(indent + printable(finding.what))
        if finding.mend:
            click.secho(f"{indent}→ {printable(finding.mend)}", fg="cyan")


def _summary(facts: Facts) -> str:
    if facts.waited_s is None:
        return counted(facts.tries, "request")
    waited = f", up after {facts.waited_s:.1f} s" if facts.tries > 1 else ""
    if facts.document is None:
        return f"{facts.size_bytes:,} bytes, {facts.latency_s * 1000:.0f} ms{waited}"
    kind = "Prometheus text" if facts.document.text else "expvar"
    latency = f"{facts.latency_s * 1000:.0f} ms"
    return f"{kind}, {facts.size_bytes:,} bytes, {len(facts.document.series):,} series, {latency}{waited}"

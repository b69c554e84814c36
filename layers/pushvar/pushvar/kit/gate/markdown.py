"""The checklist, and the verdicts, as Markdown: the same items, as both are made of the table of checks."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from pushvar.kit.gate.checks import CHECKS
from pushvar.kit.gate.facts import Level
from pushvar.kit.plain import markdown_cell, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pushvar.kit.gate.checks import Result
    from pushvar.kit.gate.facts import Limits
    from pushvar.kit.gate.verdict import Verdict

VERSION = "2.0"
_MARKS = {Level.PASS: "x", Level.WARN: "x", Level.SKIP: " ", Level.FAIL: " "}
_WORDS = {Level.PASS: "", Level.WARN: "**warning**: ", Level.SKIP: "", Level.FAIL: "**fails**: "}
_HEAD = """\
# Acceptance of a service's metrics, version {version}

Made by `pushvar kit checklist`, from the table of checks that `pushvar check` makes. A service is taken when
every item holds; `pushvar check URL` looks at them all.
"""


def checklist(limits: Limits) -> str:
    """The empty list, with what is demanded."""
    parts = [_HEAD.format(version=VERSION)]
    for group, checks in groupby(CHECKS, key=lambda one: one.group):
        parts.append(f"## {group}\n")
        parts += [f"- [ ] `{one.name}` {one.demand}{_bound(one.name, limits)}" for one in checks]
        parts.append("")
    return "\n".join(parts)


def filled(verdicts: Sequence[Verdict]) -> str:
    """The list with the results: once for each URL."""
    return "\n".join(line for verdict in verdicts for line in _filled(verdict))


def _filled(verdict: Verdict) -> Iterator[str]:
    yield f"# {'Ships' if verdict.ships else 'Does not ship'}: `{_code(verdict.facts.url)}`\n"
    failed, warned, skipped = map(verdict.count, (Level.FAIL, Level.WARN, Level.SKIP))
    yield f"Checklist {VERSION}: {failed} failed, {warned} with a warning, {skipped} not asked.\n"
    for group, results in groupby(verdict.results, key=lambda one: one.check.group):
        yield f"## {group}\n"
        for one in results:
            yield f"- [{_MARKS[one.level]}] `{one.check.name}` {one.check.demand}"
            yield from _findings(one)
        yield ""


def _findings(one: Result) -> Iterator[str]:
    for finding in one.findings:
        yield f"  - {_WORDS[finding.level]}{markdown_cell(finding.what)}"
        if finding.mend:
            yield f"    → {markdown_cell(finding.mend)}"


def _bound(name: str, limits: Limits) -> str:
    return {
        "in-time": f" ({limits.within_s:g} s)",
        "latency": f" ({limits.max_latency_s:g} s)",
        "series": f" ({limits.series:,})",
        "label-values": f" ({limits.label_values:,})",
    }.get(name, "")


def _code(text: str) -> str:
    """Between backticks nothing is Markdown but a backtick."""
    return visible(text).replace("`", "'")

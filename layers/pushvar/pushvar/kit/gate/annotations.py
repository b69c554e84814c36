"""The findings as workflow commands of GitHub Actions: they appear on the pull request.

Source: GitHub, "Workflow commands for GitHub Actions", on messages and on what has to be escaped in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.kit.gate.facts import Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pushvar.kit.gate.verdict import Verdict

_COMMANDS = {Level.WARN: "warning", Level.FAIL: "error"}
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}


def workflow_commands(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """A line for each warning and each failure."""
    for verdict in verdicts:
        for one in verdict.results:
            for finding in one.findings:
                command = _COMMANDS.get(finding.level)
                if command is not None:
                    title = _escaped(f"pushvar check: {one.check.name}", _PROPERTY)
                    said = f"{verdict.facts.url}: {finding.what}" + (
                        f"; {finding.mend}" if finding.mend else ""
                    )
                    yield f"::{command} title={title}::{_escaped(said, _DATA)}"


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(one, one if one.isprintable() else "\N{REPLACEMENT CHARACTER}") for one in text)

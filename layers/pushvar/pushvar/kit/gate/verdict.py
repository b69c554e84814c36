"""The verdict on a URL: the results of all checks, and whether the service may be shipped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pushvar.kit.gate.checks import results
from pushvar.kit.gate.facts import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.kit.gate.checks import Result
    from pushvar.kit.gate.facts import Facts, Limits


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of one URL; when ``strict``, a warning is as bad as a failure."""

    facts: Facts
    results: tuple[Result, ...]
    strict: bool = False

    def count(self, level: Level) -> int:
        """How many checks went that way."""
        return sum(one.level == level for one in self.results)

    @property
    def ships(self) -> bool:
        """Whether nothing forbids it."""
        worst = max(one.level for one in self.results)
        return worst < (Level.WARN if self.strict else Level.FAIL)


def verdicts(
    found: Sequence[Facts], limits: Limits, *, strict: bool = False, together: bool = False
) -> tuple[Verdict, ...]:
    """One for each URL; pages of one service (``together``) may each leave out what another has."""
    given = []
    for facts in found:
        others = (
            [other.document for other in found if other is not facts and other.document] if together else []
        )
        elsewhere = frozenset(name for document in others for name in document.names)
        given.append(Verdict(facts, results(facts, replace(limits, elsewhere=elsewhere)), strict))
    return tuple(given)


def as_object(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain JSON values."""
    facts = verdict.facts
    document = facts.document
    return {
        "url": facts.url,
        "ships": verdict.ships,
        "answered": facts.answered,
        "waited_s": None if facts.waited_s is None else round(facts.waited_s, 3),
        "latency_s": round(facts.latency_s, 6),
        "format": None if document is None else ("prometheus" if document.text else "expvar"),
        "series": 0 if document is None else len(document.series),
        "size_bytes": facts.size_bytes,
        "checks": [
            {
                "name": one.check.name,
                "level": one.level.name.lower(),
                "findings": [
                    {"level": f.level.name.lower(), "what": f.what, "mend": f.mend} for f in one.findings
                ],
            }
            for one in verdict.results
        ],
    }

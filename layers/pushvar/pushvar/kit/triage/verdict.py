"""What a triage says: numbered steps, each with what was seen and why the next was taken, and one cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

OK, BAD, WARN, UNKNOWN = "ok", "bad", "warn", "unknown"
"""How a step went; ``unknown``: it could not be looked at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; of several, the one of the lowest ``rank`` is the cause."""

    cause: str
    next: str
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One question of the decision tree.

    ``seen`` are the facts, a line each; ``timings`` the seconds of the parts of a fetch; ``then`` says what
    follows from it. ``sound`` is what a step that found nothing rules out.
    """

    title: str
    looked: str
    state: str
    seen: tuple[str, ...] = ()
    then: str = ""
    timings: tuple[tuple[str, float], ...] = ()
    finding: Finding | None = None
    sound: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The whole path."""

    subject: str
    steps: tuple[Step, ...]

    @property
    def found(self) -> Finding | None:
        """The cause: of all findings that of the lowest rank, the first of equals."""
        findings = [step.finding for step in self.steps if step.finding is not None]
        return min(findings, key=lambda one: one.rank, default=None)

    @property
    def ruled_out(self) -> tuple[str, ...]:
        """What the steps have shown not to be the matter."""
        return tuple(step.sound for step in self.steps if step.state == OK and step.sound)

    @property
    def not_seen(self) -> tuple[str, ...]:
        """The steps that could not be taken: their titles."""
        return tuple(step.title for step in self.steps if step.state == UNKNOWN)


def as_object(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain JSON values."""
    found = verdict.found
    return {
        "subject": verdict.subject,
        "found": found is not None,
        "cause": found.cause if found else "",
        "next": found.next if found else "",
        "ruled_out": list(verdict.ruled_out),
        "not_seen": list(verdict.not_seen),
        "steps": [_step(number, step) for number, step in enumerate(verdict.steps, 1)],
    }


def joined(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def _step(number: int, step: Step) -> dict[str, Any]:
    return {
        "number": number,
        "title": step.title,
        "looked": step.looked,
        "state": step.state,
        "seen": list(step.seen),
        "timings_s": {name: round(seconds, 6) for name, seconds in step.timings},
        "then": step.then,
        "cause": step.finding.cause if step.finding else "",
        "next": step.finding.next if step.finding else "",
    }

"""The figures as people read them, and as one JSON object. Goals stand beside them; nothing fails by one."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks import judging, tables
from benchmarks.goals import GOALS
from benchmarks.parts import PARTS
from benchmarks.tables import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

SCHEMA = 2
_MINUTES_S = 120  # what takes longer is told in minutes


@dataclass(frozen=True, slots=True)
class Results:
    """One run: what each part measured or why it did not, by its name, and how many seconds it took."""

    machine: dict[str, str]
    quick: bool
    found: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    took_s: dict[str, float] = field(default_factory=dict)

    def as_object(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            "schema": SCHEMA,
            "machine": self.machine,
            "quick": self.quick,
            "took_s": self.took_s,
            "failed": self.failed,
            **{name: asdict(result) for name, result in self.found.items()},
            "goals": [asdict(goal) for goal in judging.judged(GOALS, self.found)],
        }


def show(results: Results, console: Console, *, markdown: bool = False) -> None:
    """Print every section, the goals last."""
    for section in sections(results):
        tables.show(section, console, markdown=markdown)


def sections(results: Results) -> Sequence[Section]:
    """All tables of a run, in the order of its parts; a part that failed has its reason instead."""
    kind = "Machine and versions" + (" (a quick run: figures scatter more)" if results.quick else "")
    took_s = sum(results.took_s.values())
    took = f"{took_s / 60:.0f} minutes" if took_s >= _MINUTES_S else f"{took_s:.0f} s"
    found = [Section(kind, ("what", "version"), tuple(results.machine.items()), f"This run took {took}.")]
    for part in PARTS:
        if part.name in results.found:
            found += part.sections(results.found[part.name])
        elif part.name in results.failed:
            reason = results.failed[part.name]
            found.append(Section(f"NOT MEASURED: {part.words}", ("part", "why"), ((part.name, reason),)))
    return [*found, judging.section(judging.judged(GOALS, results.found))]

"""What a document's structure is to a list of rules: which lists they look into, which values may be labels.

All patterns walk down the document together, a step for each key; what no pattern reaches costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.convert.mapping.paths import Step
    from pushvar.convert.structure import Path

State = tuple[tuple[int, int], ...]
"""(pattern, steps done) of every pattern that can still match below here."""

_MEMSTATS = "memstats"


class RuleView:
    """``looking`` are the patterns of what rules take, ``labelling`` those of what they make labels of."""

    def __init__(self, looking: Iterable[tuple[Step, ...]], labelling: Iterable[tuple[Step, ...]]) -> None:
        first = list(looking)
        self._looking = len(first)
        self._patterns = [*first, *labelling]
        self._start: State = tuple((index, 0) for index in range(len(self._patterns)))

    def start(self) -> State:
        """All patterns, no step done."""
        return self._start

    def below(self, state: State, key: str) -> State:
        """What is left of them at a key."""
        found: dict[tuple[int, int], None] = {}
        for index, done in state:
            steps = self._patterns[index]
            if done < len(steps) and steps[done].takes(key):
                found[index, done + 1] = None
                if steps[done].many:
                    found[index, done] = None
        return tuple(found)

    def looks(self, state: State, path: Path) -> bool:
        """Whether a rule takes elements of a list here. Those of memstats only when it names memstats."""
        return any(
            index < self._looking
            and done < len(self._patterns[index])
            and (path[0] != _MEMSTATS or self._patterns[index][0].literal == _MEMSTATS)
            for index, done in state
        )

    def labels(self, state: State) -> bool:
        """Whether a rule makes a label or a name of a value here."""
        return any(index >= self._looking and done == len(self._patterns[index]) for index, done in state)

"""What a structure is to rules: what they take, which lists they look into, which values are labels.

All patterns walk down the document together, a step for each key; what no pattern reaches costs nothing. The
states of that walk are made once and remembered, so that a known key costs one look into a dict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pushvar.convert.mapping.paths import Pattern, Step

_MEMSTATS = "memstats"
REMEMBERED = 16_384
"""States and keys that a view remembers; then it starts anew, for keys may be made by an attacker."""
_LONGEST_CHARS = 256
"""Of a key that is remembered."""

Left = tuple[tuple[int, int], ...]
"""(pattern, steps done) of every pattern that can still match below here, or does right here."""


class State(dict[str, "State"]):
    """A place in a document, as far as the patterns tell places apart; ``state[key]`` is the one below.

    ``labels`` says whether a rule can make a label or a name of a value here, ``takes`` which patterns
    of rules fit here.
    """

    __slots__ = ("_finds", "_left", "_looks", "_memstats", "_other", "_special", "_view", "labels", "takes")

    def __init__(self, view: RuleView, left: Left) -> None:
        super().__init__()
        self._view, self._left = view, left
        self._other: State | None = None
        steps = [view.patterns[index][done] for index, done in left if done < len(view.patterns[index])]
        self._finds = any(step.find is not None for step in steps)
        self._special = frozenset(
            key for step in steps for key in (step.literal, *step.excluded) if key is not None
        )
        done_here = [index for index, done in left if done == len(view.patterns[index])]
        self.labels = any(index in view.labelling for index in done_here)
        self.takes: tuple[Pattern, ...] = tuple(
            one for index in done_here for one in view.taking.get(index, ())
        )
        looking = [
            index for index, done in left if index in view.looking and done < len(view.patterns[index])
        ]
        self._looks = bool(looking)
        self._memstats = any(view.patterns[index][0].literal == _MEMSTATS for index in looking)

    def __missing__(self, key: str) -> State:
        if not self._finds and key not in self._special:  # as all such keys
            if self._other is None:
                self._other = self._below(key)
            return self._other
        below = self._below(key)
        if len(key) <= _LONGEST_CHARS:
            self[key] = below
            self._view.remember()
        return below

    def looks(self, top: str) -> bool:
        """Whether a rule takes elements of a list here, below the top-level key ``top``.

        Those of memstats only when it names memstats.
        """
        return self._memstats if top == _MEMSTATS else self._looks

    def _below(self, key: str) -> State:
        found: dict[tuple[int, int], None] = {}
        for index, done in self._left:
            steps = self._view.patterns[index]
            if done < len(steps) and steps[done].takes(key):
                found[index, done + 1] = None
                if steps[done].many:
                    found[index, done] = None
        return self._view.state(tuple(found))


class RuleView:
    """``taking`` are the patterns of rules, ``looking`` those that look into lists too.

    ``labelling`` are the patterns of what rules make labels of.
    """

    def __init__(
        self,
        taking: Sequence[Pattern],
        looking: Iterable[tuple[Step, ...]],
        labelling: Iterable[tuple[Step, ...]],
    ) -> None:
        numbers: dict[tuple[Step, ...], int] = {}
        self.taking: dict[int, list[Pattern]] = {}
        for pattern in taking:
            self.taking.setdefault(numbers.setdefault(pattern.steps, len(numbers)), []).append(pattern)
        self.looking = frozenset([numbers.setdefault(steps, len(numbers)) for steps in looking])
        self.labelling = frozenset([numbers.setdefault(steps, len(numbers)) for steps in labelling])
        self.patterns = tuple(numbers)
        self._states: dict[Left, State] = {}
        self._remembered = 0
        self._top = self._first()

    def start(self) -> State:
        """All patterns, no step done."""
        return self._top

    def state(self, left: Left) -> State:
        """The one state in which this is left of the patterns."""
        found = self._states.get(left)
        if found is None:
            found = self._states[left] = State(self, left)
            self.remember()
        return found

    def remember(self) -> None:
        """Count one more thing that is kept, and forget all when there are too many."""
        self._remembered += 1
        if self._remembered > REMEMBERED:
            self._remembered = 0
            self._states = {}
            self._top = self._first()

    def _first(self) -> State:
        return State(self, tuple([(index, 0) for index in range(len(self.patterns))]))

"""What a mapping rule says of a document: which leaves it takes and what series they become.

A rule set is an ordered list of rules; each takes leaves that no earlier one took. The presets and
the automatic naming are such rules; the rule language compiles to more of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pushvar.convert.structure import Leaf, Path, View
    from pushvar.model import Family, Labels

NUMBER_OF_VALUE = 1

SHAPE_ERROR = "shape error: "
"""How the reason of a leaf begins that a rule matched and could not use."""


class Claim(NamedTuple):
    """One series that a rule makes of a leaf: ``value / divisor``, named and labelled.

    The divisor is an exact integer: Go's nanoseconds over 10**9 round once (``300000000`` -> 0.3).
    ``read`` makes a number of the value instead, at each fetch, or gives ``WITHHELD``; ``doubt`` says why.
    """

    leaf: Leaf
    name: str
    family: Family
    labels: Labels = ()
    divisor: int = NUMBER_OF_VALUE
    read: Callable[[Any], float] | None = None
    doubt: str = ""


class Computed(NamedTuple):
    """Several series that a rule computes from several leaves together.

    ``compute`` takes the values at ``paths`` and gives one number for each claim; it must be total.
    What it cannot say at a fetch it gives as ``WITHHELD``; the claims' ``doubt`` says why.
    """

    paths: tuple[Path, ...]
    claims: tuple[Claim, ...]
    compute: Callable[..., tuple[float, ...]]


class Part(NamedTuple):
    """A leaf that is a part of a histogram: a bucket with its ``bound``, or ``sum`` or ``count`` (``role``).

    Parts of one family and label set make one histogram, whichever rules took them. ``layout`` is what
    the rule declares of the buckets, ``factor`` what the value is multiplied with.
    """

    leaf: Leaf
    family: Family
    labels: Labels
    role: str
    bound: float = 0.0
    layout: str | None = None
    read: Callable[[Any], float] | None = None


class Refusal(NamedTuple):
    """A leaf that a rule takes without making a series of it, and why.

    ``whatever`` says that this would be so for a value of any kind.
    """

    leaf: Leaf
    reason: str
    whatever: bool = False


Outcome = Claim | Computed | Part | Refusal


@dataclass(frozen=True, slots=True)
class Payload:
    """All leaves of a document, taken or not: what references look at.

    ``fitting`` has those that a pattern fits, in document order. ``label_sets`` is where rules keep what they
    put together, for the leaves of one container have the same labels.
    """

    leaves: Mapping[Path, Leaf]
    fitting: Mapping[Any, Sequence[Leaf]] = field(default_factory=dict)
    label_sets: dict[Any, Labels] = field(default_factory=dict)
    _children: dict[Path, list[Leaf]] = field(default_factory=dict)

    def children(self, path: Path) -> Sequence[Leaf]:
        """The leaves that stand directly in the container at ``path``."""
        if not self._children:
            for leaf in self.leaves.values():
                self._children.setdefault(leaf.path[:-1], []).append(leaf)
        return self._children.get(path, ())


class Rule(Protocol):
    """One step of a rule set. ``name`` goes into reports and help texts."""

    @property
    def name(self) -> str:
        """What reports call the rule."""

    def take(self, leaves: Mapping[Path, Leaf], payload: Payload) -> Iterable[Outcome]:
        """What becomes of those of the given leaves that this rule wants."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The ordered rules of one scrape configuration. ``key`` identifies it among compiled shapes.

    ``view`` says what of a document is structure to them; ``written`` names the rules that a person wrote.
    """

    key: str
    rules: tuple[Rule, ...]
    view: View | None = None
    written: tuple[str, ...] = ()

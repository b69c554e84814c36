"""What a mapping rule says of a document: which leaves it takes and what series they become.

A rule set is an ordered list of rules; each takes leaves that no earlier one took. The presets and
the automatic naming are such rules; the rule language compiles to more of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pushvar.convert.structure import Leaf, Path
    from pushvar.model import Family, Labels

NUMBER_OF_VALUE = 1


@dataclass(frozen=True, slots=True)
class Claim:
    """One series that a rule makes of a leaf: ``value / divisor``, named and labelled.

    The divisor is an exact integer: Go's nanoseconds over 10**9 round once (``300000000`` -> 0.3).
    """

    leaf: Leaf
    name: str
    family: Family
    labels: Labels = ()
    divisor: int = NUMBER_OF_VALUE


@dataclass(frozen=True, slots=True)
class Computed:
    """Several series that a rule computes from several leaves together.

    ``compute`` takes the values at ``paths`` and gives one number for each claim; it must be total.
    """

    paths: tuple[Path, ...]
    claims: tuple[Claim, ...]
    compute: Callable[..., tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A leaf that a rule takes without making a series of it, and why.

    ``whatever`` says that this would be so for a value of any kind.
    """

    leaf: Leaf
    reason: str
    whatever: bool = False


class Rule(Protocol):
    """One step of a rule set. ``name`` goes into reports and help texts."""

    @property
    def name(self) -> str:
        """What reports call the rule."""

    def take(self, leaves: Mapping[Path, Leaf]) -> Iterable[Claim | Computed | Refusal]:
        """What becomes of those of the given leaves that this rule wants."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The ordered rules of one scrape configuration. ``key`` identifies it among compiled shapes."""

    key: str
    rules: tuple[Rule, ...]

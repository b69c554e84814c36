"""What earlier requests said, as far as later ones are judged by it. Kept in RAM, rebuilt from the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pushvar.receiver.envelope import V1, V2
from pushvar.receiver.families import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.model import Labels
    from pushvar.receiver.check import Checked
    from pushvar.receiver.decode import Sample


@dataclass(slots=True)
class Memory:
    """The latest sample of every series, the type of every family, and the label sets found legal.

    ``legal`` saves the checks of a label set that was fine before, per protocol version.
    """

    last: dict[Labels, Sample] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    legal: dict[int, set[Labels]] = field(default_factory=lambda: {V1: set(), V2: set()})

    def remember(self, checked: Checked) -> None:
        """Take in what one request added; call it once that is stored."""
        if checked.version is None:
            return
        legal = self.legal[checked.version]
        for labels, samples in checked.accepted:
            self.last[labels] = samples[-1]
            legal.add(labels)
        self.types.update({family: TYPES[row.type] for family, row in checked.families.items()})

    def forget(self, before_ms: int, types: Iterable[str]) -> None:
        """Drop the series that ended before that time, and these families."""
        self.last = {labels: sample for labels, sample in self.last.items() if sample.time_ms >= before_ms}
        for legal in self.legal.values():
            legal.intersection_update(self.last)
        for family in types:
            self.types.pop(family, None)

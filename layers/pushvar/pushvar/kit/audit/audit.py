"""An audit as a value, as it is kept between two of them, and what has changed since an earlier one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import msgspec

from pushvar.catalogue.audit import AUDIT_STATES
from pushvar.errors import ConfigError
from pushvar.kit.audit.finding import Finding  # noqa: TC001 - saved audits are read back by this type
from pushvar.kit.audit.sums import RANKS

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA = 1
KIND = "pushvar audit"


@dataclass(frozen=True, slots=True)
class Audit:
    """All findings of one moment; ``targets`` are in the order of the registry.

    ``problems`` are entries that the registry could not make targets of, and what else is wrong with it;
    ``dropped`` counts the targets that relabel_configs leave out on purpose.
    """

    registry: str
    version: str
    time_ms: int
    targets: tuple[Finding, ...]
    problems: tuple[str, ...] = ()
    dropped: int = 0
    schema: int = SCHEMA
    kind: str = KIND


@dataclass(frozen=True, slots=True)
class Change:
    """A target that is not as it was; ``before`` is None for a new one, ``after`` for one that is gone."""

    before: Finding | None
    after: Finding | None

    @property
    def target(self) -> Finding:
        """The target, as it is or as it was."""
        return cast("Finding", self.after or self.before)  # it has one of them


@dataclass(frozen=True, slots=True)
class Trend:
    """What became of the targets of an earlier audit."""

    since: Audit
    worse: tuple[Change, ...]
    better: tuple[Change, ...]
    new: tuple[Change, ...]
    gone: tuple[Change, ...]


def trend(before: Audit, after: Audit) -> Trend:
    """What changed: a better state, or fewer missing metrics in the same one, is better."""
    known = {one.key: one for one in before.targets}
    both = [Change(known[one.key], one) for one in after.targets if one.key in known]
    new = [Change(None, one) for one in after.targets if one.key not in known]
    present = {one.key for one in after.targets}
    gone = [Change(one, None) for one in before.targets if one.key not in present]
    worse = [one for one in both if _rank(one.after) < _rank(one.before)]
    better = [one for one in both if _rank(one.after) > _rank(one.before)]
    return Trend(before, *(_ordered(some) for some in (worse, better, new, gone)))


def read_audit(text: bytes, source: str) -> Audit:
    """An audit from what ``--save`` wrote. Raises ConfigError, with ``source`` as its place."""
    hint = "give a file that pushvar audit --save wrote"
    try:
        found = msgspec.json.decode(text, type=Audit)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError("--compare", f"{source} holds no audit: {error}", hint=hint) from None
    if found.kind != KIND:
        raise ConfigError("--compare", f"{source} holds no audit: its kind is {found.kind!r}", hint=hint)
    if found.schema != SCHEMA:
        problem = f"{source} has schema {found.schema}, this pushvar reads {SCHEMA}"
        raise ConfigError("--compare", problem, hint="make a new one with --save")
    strange = {one.state for one in found.targets} - AUDIT_STATES.keys()
    if strange:
        raise ConfigError("--compare", f"{source}: {min(strange)!r} is no state of an audit", hint=hint)
    return found


def _rank(finding: Finding | None) -> tuple[int, int]:
    return (RANKS[finding.state], -len(finding.missing)) if finding else (-1, 0)


def _ordered(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Those that matter most first: by what they are now."""
    return tuple(sorted(changes, key=lambda one: (_rank(one.after), one.target.job, one.target.url)))

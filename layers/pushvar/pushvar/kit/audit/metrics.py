"""The metrics of an audit: targets of each owner by state, the share of covered ones, and when that was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue.audit import AUDIT_COVERAGE, AUDIT_LABELS, AUDIT_STATES, AUDIT_TARGETS, AUDIT_TIME
from pushvar.kit.audit.sums import label_sets
from pushvar.labels.sets import label_set
from pushvar.wire.exposition import FamilySamples, PrintedSample, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.kit.audit.audit import Audit
    from pushvar.kit.audit.sums import Count
    from pushvar.model import Labels


def owned(audit: Audit) -> Iterator[tuple[Labels, Count]]:
    """The targets of each owner; who has no team has no such label."""
    for values, count in label_sets(audit.targets).items():
        yield label_set(zip(AUDIT_LABELS, values, strict=True)), count


def metrics_text(audit: Audit) -> bytes:
    """All metrics as Prometheus text. Raises EncodeError for labels that are not Unicode."""
    owners = list(owned(audit))
    targets = [sample for labels, count in owners for sample in _targets(labels, count)]
    ratios = [_ratio(labels, count) for labels, count in owners]
    return text.encode(
        FamilySamples(family, tuple(samples))
        for family, samples in (
            (AUDIT_TARGETS.family, targets),
            (AUDIT_COVERAGE.family, ratios),
            (AUDIT_TIME.family, [_time(audit)]),
        )
        if samples
    )


def owner_text(count: Count) -> bytes:
    """The metrics of one owner without its labels, for who puts them on itself."""
    return text.encode(
        (
            FamilySamples(AUDIT_TARGETS.family, _targets((), count)),
            FamilySamples(AUDIT_COVERAGE.family, (_ratio((), count),)),
        )
    )


def time_text(audit: Audit) -> bytes:
    """The time of the audit, which is nobody's own."""
    return text.encode((FamilySamples(AUDIT_TIME.family, (_time(audit),)),))


def _targets(labels: Labels, count: Count) -> tuple[PrintedSample, ...]:
    """A sample for each state, those without a target too: a series that ends says nothing."""
    return tuple(
        PrintedSample(
            AUDIT_TARGETS.family.name, label_set((*labels, ("state", state))), float(getattr(count, state))
        )
        for state in AUDIT_STATES
    )


def _ratio(labels: Labels, count: Count) -> PrintedSample:
    return PrintedSample(AUDIT_COVERAGE.family.name, labels, count.covered / count.registered)


def _time(audit: Audit) -> PrintedSample:
    return PrintedSample(AUDIT_TIME.family.name, (), audit.time_ms / 1000)

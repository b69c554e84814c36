"""Checks of how many series there are, and of labels that belong to no metric.

The bounds are those of ``tenancy.budgets`` where nobody sets others: 2,000 series and 100 values of a label.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pushvar.kit.gate.facts import Finding, Level
from pushvar.labels.tenancy import GUARDED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.kit.gate.facts import Facts, Limits

DENIED = frozenset({"user_id", "trace_id", "span_id", "request_id", "session", "session_id", "email", "ip"})
"""Labels with a value for each user or request: a series for each of them."""

_GROWTH = 0.01
_FEW = 5
_SHOWN = 5
_NO_IDS = "take ids out of names and labels; what is about one request belongs in a log or a trace"


def series(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A target has no more series than one should have."""
    assert facts.document is not None
    count = len(facts.document.series)
    if count > limits.series:
        yield Finding(Level.FAIL, f"{count:,} series; {limits.series:,} are allowed (--max-series)", _NO_IDS)


def label_values(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """No label of a metric has a value for everything."""
    assert facts.document is not None
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name, labels in facts.document.series:
        for label, value in labels:
            values[name, label].add(value)
    for (name, label), found in sorted(values.items()):
        if len(found) > limits.label_values:
            what = f"{name} has {len(found):,} values of the label {label}; {limits.label_values} are allowed"
            yield Finding(Level.WARN, what, _NO_IDS)


def denied_labels(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """No label says who a user is, or which request."""
    del limits
    assert facts.document is not None
    found: dict[str, str] = {}
    for name, labels in sorted(facts.document.series):
        for label, _ in labels:
            if label.lower() in DENIED:
                found.setdefault(label, name)
    for label, name in found.items():
        yield Finding(Level.FAIL, f"{name} has the label {label}", _NO_IDS)


def growth(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A second look shows the same series: names and labels do not grow with every request."""
    del limits
    if facts.document is None or facts.later is None:
        return
    new = sorted(facts.later.series - facts.document.series)
    if len(new) > max(_FEW, _GROWTH * len(facts.document.series)):
        names = ", ".join(dict.fromkeys(name for name, _ in new[:_SHOWN]))
        yield Finding(Level.WARN, f"{len(new):,} new series in a second fetch: {names} ...", _NO_IDS)


def own_labels(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Labels that say whose series these are belong to the registry, not to the program."""
    del limits
    assert facts.document is not None
    found = sorted({label for _, labels in facts.document.series for label, _ in labels} & GUARDED)
    if found:
        what = f"the program sets {', '.join(found)}: such a label becomes exported_{found[0]}"
        yield Finding(Level.WARN, what, "leave it out; the registry says it")

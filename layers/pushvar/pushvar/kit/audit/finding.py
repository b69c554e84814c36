"""What a target is found to be: exactly one state of the catalogue, why, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pushvar.catalogue.audit import AUDIT_LABELS
from pushvar.catalogue.core import CORE
from pushvar.catalogue.health import FAILURE_CLASSES
from pushvar.catalogue.metrics import metric_of_series

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pushvar.catalogue.core import CoreSet
    from pushvar.model import Target

EXPVAR, TEXT = "expvar", "prometheus"
"""The formats of an answer, by their words in a configuration."""

UNREADABLE = frozenset({"bad_json", "bad_format"})
"""Failure classes of an answer that came whole and is no document."""

_RUNTIME, _PROCESS = "go", "process"
_NO_PROC = "go_* without process_*: not Linux, /proc not mounted, or no process collector; "
_DROPPED = "the target has them; metric_relabel_configs or a budget leave them out"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a target answered: the families of its document, or the failure class and its words.

    ``given`` are the families that mapping makes of the document, ``sent`` those that relabelling and
    budgets leave.
    """

    reason: str = "ok"
    detail: str = ""
    format: str = ""
    given: frozenset[str] = field(default=frozenset())
    sent: frozenset[str] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class Finding:
    """One target and what it is found to be.

    ``key`` names the target from audit to audit; ``url`` has no query, in which keys may stand. ``reason`` is
    a failure class, ``missing`` are names of the core set, ``hint`` is the next step. ``team`` may be empty.
    """

    key: str
    job: str
    url: str
    customer_id: str
    service_domain: str
    sla_tier: str
    team: str
    instance: str
    state: str
    reason: str = "ok"
    detail: str = ""
    format: str = ""
    missing: tuple[str, ...] = ()
    hint: str = ""

    @property
    def name(self) -> str:
        """What people know it by: its URL, with its instance where that is a name of its own."""
        return self.url if not self.instance or self.instance in self.url else f"{self.instance} {self.url}"

    @property
    def why(self) -> str:
        """What it lacks, in few words: the failure class, or the kinds of numbers of the core set."""
        if self.state == "partial":
            return ", ".join(one.category for one in lacking(self.missing))
        return "" if self.reason == "ok" else self.reason


def classify(target: Target, answer: Answer) -> Finding:
    """Judge one target by its answer."""
    subject = _subject(target)
    if answer.reason != "ok":
        state = "no_format" if answer.reason in UNREADABLE else "unreachable"
        hint = FAILURE_CLASSES[answer.reason][1]
        return replace(subject, state=state, reason=answer.reason, detail=answer.detail, hint=hint)
    sent = frozenset(map(_metric, answer.sent))
    missing = tuple(_missing(subject.sla_tier, sent, expvar=answer.format == EXPVAR))
    if not missing:
        return replace(subject, state="covered", format=answer.format)
    state = "partial" if _has(sent, _RUNTIME) else "no_runtime"
    hint = _hint(state, missing, frozenset(map(_metric, answer.given)), sent)
    return replace(subject, state=state, format=answer.format, missing=missing, hint=hint)


def _subject(target: Target) -> Finding:
    """The target, not yet judged."""
    labels = dict(target.labels)
    customer, domain, tier, team, instance = (labels.get(name, "") for name in (*AUDIT_LABELS, "instance"))
    url, query, _ = target.url.partition("?")
    shown = f"{url}?…" if query else url
    return Finding(target.key, target.job, shown, customer, domain, tier, team, instance, "unreachable")


def lacking(missing: Iterable[str]) -> list[CoreSet]:
    """The core sets of which some of these names are, in the order of the catalogue."""
    names = frozenset(missing)
    return [one for one in CORE if not names.isdisjoint(one.families)]


def _metric(family: str) -> str:
    """The metric that a family of the document belongs to: text without TYPE lines has one per series."""
    known = metric_of_series().get(family)
    return known.family.name if known else family


def _missing(tier: str, sent: frozenset[str], *, expvar: bool) -> Iterator[str]:
    for one in CORE:
        if one.asked(tier, expvar=expvar):
            yield from (name for name in one.families if name not in sent)


def _has(names: frozenset[str], area: str) -> bool:
    known = metric_of_series()
    return any(name in known and known[name].area == area for name in names)


def _hint(state: str, missing: tuple[str, ...], given: frozenset[str], sent: frozenset[str]) -> str:
    if given.issuperset(missing):
        return _DROPPED
    if state == "no_runtime":
        return CORE[0].remedy
    first = lacking(missing)[0]
    without_process = first.category == _PROCESS and not _has(sent, _PROCESS)
    return f"{_NO_PROC}{first.remedy}" if without_process else first.remedy

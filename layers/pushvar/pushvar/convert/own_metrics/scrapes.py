"""What the scrapes of a cycle add to the counters.

Targets of one kind share a shape, and warm plans come again with every cycle. So findings are read off a
shape once, remembered with it, and multiplied; a warm scrape costs well under a microsecond.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from pushvar.convert.mapping.histograms import TORN
from pushvar.convert.mapping.rules import SHAPE_ERROR
from pushvar.convert.mapping.values import DOUBTS, NOT_FINITE
from pushvar.convert.own_metrics.keys import series_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pushvar.model import Scrape

_MEMORY = 1024
"""How many findings are remembered; then all are forgotten, as nobody knows which come again."""

_WORDS: Final = {
    **dict.fromkeys((TORN, NOT_FINITE, *DOUBTS.values(), "withheld"), "withheld"),
    **dict.fromkeys(("string_without_rule", "bool_without_rule", "list_without_rule"), "without_rule"),
    **{word: word for word in ("unmatched", "no_name", "dropped", "null")},
    **dict.fromkeys(("memstats_unused", "used_as_label", "repeats_go_goroutines"), ""),
}
"""Reason of a skipped leaf -> its class in ``catalogue.LEFT_OUT``; none for what is as it should be."""

_BEGINNINGS: Final = (
    (SHAPE_ERROR, "wrong_shape"),
    ("duplicate of ", "duplicate"),
    ("type conflict on ", "type_conflict"),
    ("its timestamp ", "untimely"),
)
_HEALTH_END: Final = " is a health series"

_Counts = tuple[tuple[str, int], ...]


def count_scrapes(scrapes: Iterable[Scrape]) -> dict[str, float]:
    """What these scrapes add to the counters, by key."""
    reasons, outcomes, kinds, shed = (Counter[str]() for _ in range(4))
    skipped: dict[int, list[Any]] = {}
    samples = renamed = 0
    for scrape in scrapes:
        plan = scrape.plan
        if not (plan.target.pushed and scrape.reason == "ok"):  # nothing was fetched
            reasons[scrape.reason] += 1
        samples += scrape.samples
        renamed += plan.conflicts
        if plan.relabelled:
            outcomes.update(dict(plan.relabelled))
        if plan.shed:
            shed.update(dict(plan.shed))
        if scrape.repairs:
            _count_repairs(kinds, scrape)
        left_out = plan.shape.skipped
        if left_out:
            skipped.setdefault(id(left_out), [left_out, 0])[1] += 1
    counted: dict[str, float] = {
        "pushvar_samples_scraped_total": samples,
        "pushvar_labels_renamed_total": renamed,
    }
    _add(counted, "pushvar_scrapes_total", "reason", reasons)
    _add(counted, "pushvar_metric_relabel_outcomes_total", "outcome", outcomes)
    _add(counted, "pushvar_series_shed_total", "reason", shed)
    _add(counted, "pushvar_repairs_total", "kind", kinds)
    _add(counted, "pushvar_leaves_skipped_total", "reason", _classes_of_all(skipped.values()))
    return counted


def dead_rules(scrapes: Iterable[Scrape]) -> int:
    """How many written rules took nothing in any document of their job; the jobs are added up.

    A document that every rule took something from, or that is text, speaks for all rules of its job.
    """
    dead: dict[str, set[str]] = {}
    known: set[tuple[str, int]] = set()
    for scrape in scrapes:
        if scrape.reason != "ok":
            continue
        job, rules = scrape.plan.target.job, scrape.plan.shape.dead_rules
        if (job, id(rules)) not in known:
            known.add((job, id(rules)))
            dead[job] = dead[job].intersection(rules) if job in dead else set(rules)
    return sum(map(len, dead.values()))


class _Remembered:
    """A function of a tuple, asked again and again with the same object: it is known by its place."""

    def __init__(self, work: Callable[[Any], _Counts]) -> None:
        self._work = work
        self._known: dict[int, tuple[Any, _Counts]] = {}

    def __call__(self, of: Any) -> _Counts:
        known = self._known.get(id(of))
        if known is not None:
            return known[1]  # it holds the object, so that no other can have its place
        if len(self._known) >= _MEMORY:
            self._known = {}
        made = self._work(of)
        self._known[id(of)] = (of, made)
        return made


_classes = _Remembered(lambda leaves: _sums(filter(None, (_class_of(leaf.reason) for leaf in leaves))))
_kinds = _Remembered(lambda repairs: _sums(repair.kind for repair in repairs))


def _sums(words: Iterable[str]) -> _Counts:
    return tuple(sorted(Counter(words).items()))


def _class_of(reason: str) -> str:
    if reason in _WORDS:
        return _WORDS[reason]
    found = next((name for beginning, name in _BEGINNINGS if reason.startswith(beginning)), "")
    return found or ("reserved" if reason.endswith(_HEALTH_END) else "other")


def _classes_of_all(skipped: Iterable[list[Any]]) -> Counter[str]:
    classes: Counter[str] = Counter()
    for leaves, times in skipped:
        for name, count in _classes(leaves):
            classes[name] += count * times
    return classes


def _count_repairs(kinds: Counter[str], scrape: Scrape) -> None:
    """Those of a warm shape are the same in every cycle, so their kinds are looked up."""
    for kind, count in _kinds(scrape.repairs):
        kinds[kind] += count


def _add(counted: dict[str, float], name: str, label: str, counts: Counter[str]) -> None:
    for value, count in counts.items():
        if count:
            counted[series_key(name, **{label: value})] = count

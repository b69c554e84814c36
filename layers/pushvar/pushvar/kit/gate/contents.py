"""Checks of what is there: numbers of the Go runtime, the core set of the tier, names that were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pushvar.catalogue.core import CORE, GATE_METRIC, GATE_VARIABLES
from pushvar.kit.gate.facts import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.kit.gate.facts import Facts, Limits

_SHOWN = 3
_COLLECTORS = (
    "register collectors.NewGoCollector() and NewProcessCollector(collectors.ProcessCollectorOpts{})"
)
_NO_PROC = "go_* is there: the process collector is switched off, or has no /proc to read (it needs Linux)"
_IMPORT = 'import _ "expvar" and serve its handler, or register collectors.NewGoCollector()'


def runtime(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The numbers without which nobody can tell whether a Go program is well."""
    document = facts.document
    assert document is not None
    if document.text:
        missing = [] if GATE_METRIC in document.names | limits.elsewhere else [GATE_METRIC]
        mend = _NO_PROC if any(name.startswith("go_") for name in document.names) else _COLLECTORS
    else:
        missing = [path for path in GATE_VARIABLES if not _has(document.raw, path)]
        mend = _IMPORT
    if missing:
        yield Finding(Level.FAIL, f"{' and '.join(missing)} missing: no numbers of the runtime", mend)


def core(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """What the core set asks of a service of this tier, in this format."""
    document = facts.document
    assert document is not None
    there = document.names | limits.elsewhere
    for one in CORE:
        missing = [name for name in one.families if name not in there]
        if missing and one.asked(limits.tier, expvar=not document.text):
            what = f"{one.category}: {_listed(missing)} missing; unseen: {one.impact}"
            yield Finding(Level.FAIL, what, one.remedy)


def required(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Names that the pipeline asked for."""
    document = facts.document
    assert document is not None
    missing = [name for name in limits.required if name not in document.names | limits.elsewhere]
    if missing:
        yield Finding(
            Level.FAIL,
            f"{_listed(missing)} missing",
            "publish it under that name, or map it there; pushvar show prints all that is there",
        )


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if names[_SHOWN:] else "")


def _has(document: Any, path: str) -> bool:
    for key in path.split("."):
        if not isinstance(document, dict) or key not in document:
            return False
        document = document[key]
    return isinstance(document, int | float)

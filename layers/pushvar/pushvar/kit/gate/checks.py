"""The checks in the order in which they are made: what each demands, and what it needs to be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pushvar.kit.gate import answers, cardinality, contents, naming, secrets
from pushvar.kit.gate.facts import Facts, Finding, Level, Limits

_Find = Callable[[Facts, Limits], Iterator[Finding]]

NOTHING, ANSWER, DOCUMENT = range(3)
"""What a check needs: nothing, an answer, a document that could be read."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check; ``demand`` is the sentence of the checklist, ``group`` its heading there."""

    name: str
    group: str
    demand: str
    needs: int
    find: _Find


@dataclass(frozen=True, slots=True)
class Result:
    """How a check went on one URL; one that could not be asked has the reason as its finding."""

    check: Check
    level: Level
    findings: tuple[Finding, ...] = ()


CHECKS: tuple[Check, ...] = (
    Check("in-time", "Answer", "It answers within the time that its start may take.",
          NOTHING, answers.in_time),
    Check("status", "Answer", "It answers with 200, without a redirect.",
          ANSWER, answers.status),
    Check("latency", "Answer", "Its page comes fast enough to be fetched again and again.",
          ANSWER, answers.latency),
    Check("format", "Format", "The page is a document of expvar or Prometheus text.",
          ANSWER, answers.known_format),
    Check("content-type", "Format", "The Content-Type says what the page is.",
          DOCUMENT, answers.content_type),
    Check("readable", "Format", "Nothing on the page has to be mended or left out.",
          DOCUMENT, answers.readable),
    Check("types", "Format", "Each name of a page of text has its # TYPE.",
          DOCUMENT, answers.typed),
    Check("runtime", "Contents", "The Go runtime is there: memstats, or the process's CPU.",
          DOCUMENT, contents.runtime),
    Check("core", "Contents", "The core set of the service's tier is complete.",
          DOCUMENT, contents.core),
    Check("required", "Contents", "The names that the pipeline asks for are there.",
          DOCUMENT, contents.required),
    Check("series", "Cardinality", "It has no more series than one target should have.",
          DOCUMENT, cardinality.series),
    Check("label-values", "Cardinality", "No label has a value for everything.",
          DOCUMENT, cardinality.label_values),
    Check("labels", "Cardinality", "No label says who a user is or which request.",
          DOCUMENT, cardinality.denied_labels),
    Check("growth", "Cardinality", "A second look shows the same series.",
          DOCUMENT, cardinality.growth),
    Check("own-labels", "Names", "Labels of the registry are left to the registry.",
          DOCUMENT, cardinality.own_labels),
    Check("names", "Names", "Names follow the conventions: snake case, base units, endings.",
          DOCUMENT, naming.names),
    Check("secrets", "Safety", "No password, token or key stands on the page.",
          DOCUMENT, secrets.secrets),
)  # fmt: skip
"""All of them."""


def results(facts: Facts, limits: Limits) -> tuple[Result, ...]:
    """Every check on one URL, in their order."""
    return tuple(_result(check, facts, limits) for check in CHECKS)


def _result(check: Check, facts: Facts, limits: Limits) -> Result:
    if check.needs >= ANSWER and not facts.answered:
        return Result(check, Level.SKIP, (Finding(Level.SKIP, "not asked: there is no answer"),))
    if check.needs >= ANSWER and check.name != "status" and facts.reason != "ok":
        return Result(check, Level.SKIP, (Finding(Level.SKIP, "not asked: the answer is no success"),))
    if check.needs == DOCUMENT and facts.document is None:
        return Result(check, Level.SKIP, (Finding(Level.SKIP, "not asked: the page cannot be read"),))
    findings = tuple(check.find(facts, limits))
    return Result(check, max((one.level for one in findings), default=Level.PASS), findings)

"""TABLE: every rule that the receiver holds a sender to, and where the rule stands.

A rule has a name, an HTTP status for the request that breaks it, one sentence, and its source. The
checks (``envelope``, ``decode``, ``check``) know how to notice; only this table knows what it means.
Sources: the remote write specifications by section, and for what they leave open the behaviour of
real receivers or a promise of pushvar's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_TEXT = 1_000
ACCEPTED = 204
"""The status of a request that broke nothing; as a rule's status it marks a warning."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its name, the status of a request that breaks it, what it says, where it stands."""

    id: str
    status: int
    says: str
    source: str

    @property
    def is_warning(self) -> bool:
        """Whether the request is accepted all the same."""
        return self.status == ACCEPTED


class Violation(NamedTuple):
    """One broken rule: the rule's id, the series in text form (empty: the request itself), what was seen."""

    rule: str
    series: str
    detail: str

    def __str__(self) -> str:
        return ": ".join(part for part in self if part)

    def shortened(self) -> Violation:
        """The same with long texts cut, for a label value may have megabytes."""
        return Violation(self.rule, _cut(self.series), _cut(self.detail))


_ROWS = (
    # The request's headers.
    Rule(
        "header-content-encoding",
        415,
        "Content-Encoding is exactly snappy.",
        "1.0 Protocol; 2.0 Content-Encoding",
    ),
    Rule(
        "header-content-type",
        415,
        "Content-Type is application/x-protobuf, alone or followed by ;proto= and a known message, no space.",
        "1.0 Protocol; 2.0 Content-Type",
    ),
    Rule(
        "header-version",
        400,
        "X-Prometheus-Remote-Write-Version is there and is 0.1.0 or 2.0.0.",
        "1.0 Protocol; 2.0 X-Prometheus-Remote-Write-Version",
    ),
    Rule(
        "header-version-pair",
        400,
        "A 1.0 message goes with version 0.1.0, a 2.0 message with 2.0.0.",
        "2.0 Content-Type, X-Prometheus-Remote-Write-Version",
    ),
    Rule(
        "header-user-agent",
        400,
        "User-Agent gives the sender's name/version.",
        "1.0 Protocol; 2.0 User-Agent",
    ),
    Rule(
        "header-repeated",
        400,
        "Each of the four reserved headers is sent once; custom headers cannot double them.",
        "1.0 Protocol; 2.0 Protocol",
    ),
    # The body, from the outside in.
    Rule(
        "body-too-large", 413, "The compressed body is within the limit.", "Prometheus, remote write handler"
    ),
    Rule(
        "body-too-large-decoded",
        413,
        "The decompressed body is within the limit.",
        "Prometheus, remote write handler",
    ),
    Rule("snappy-framed", 400, "The framed format of snappy is forbidden.", "1.0 Protocol; 2.0 Protocol"),
    Rule("snappy-block", 400, "The body is one snappy block.", "1.0 Protocol; 2.0 Protocol"),
    Rule(
        "protobuf-parse", 400, "The block holds the protobuf message that the headers name.", "1.0 Protocol"
    ),
    Rule(
        "protobuf-field",
        400,
        "The message has no field that the schema does not know or has reserved.",
        "1.0 Protocol; 2.0 io.prometheus.write.v2.Request",
    ),
    Rule(
        "request-empty",
        400,
        "A request carries series or metadata; an empty one is usually a body of the other version.",
        "2.0 Content-Type (note); conformance suite, empty scrape",
    ),
    # Symbols of 2.0.
    Rule("symbols-first", 400, "The symbol table begins with the empty string.", "2.0 Symbols"),
    Rule("symbols-unique", 400, "The symbol table holds no string twice.", "2.0 Symbols"),
    Rule("refs-range", 400, "Every label reference points into the symbol table.", "2.0 Symbols"),
    Rule(
        "refs-even",
        400,
        "Label references come in pairs, a name and a value.",
        "2.0 io.prometheus.write.v2.Request",
    ),
    # Labels.
    Rule("label-order", 400, "Label names are sorted by their bytes.", "1.0 Labels; 2.0 Series Labels"),
    Rule("label-repeated", 400, "No label name stands twice in a series.", "1.0 Labels; 2.0 Series Labels"),
    Rule("label-name-empty", 400, "No label name is empty.", "1.0 Labels; 2.0 Series Labels"),
    Rule("label-value-empty", 400, "No label value is empty.", "1.0 Labels; 2.0 Series Labels"),
    Rule("label-name-legal", 400, "A label name matches [a-zA-Z_][a-zA-Z0-9_]* (1.0 only).", "1.0 Labels"),
    Rule(
        "label-name-reserved",
        400,
        "No label but __name__ begins with two underscores.",
        "1.0 Labels; 2.0 Series Labels",
    ),
    Rule("label-utf8", 400, "Names, values and metadata are UTF-8.", "1.0 Labels; 2.0 Series Labels"),
    Rule("metric-name-missing", 400, "A series has the label __name__.", "1.0 Labels; 2.0 Series Labels"),
    Rule(
        "metric-name-legal", 400, "A metric name matches [a-zA-Z_:][a-zA-Z0-9_:]* (1.0 only).", "1.0 Labels"
    ),
    # Series.
    Rule(
        "series-empty",
        400,
        "A series has at least one sample or histogram.",
        "2.0 io.prometheus.write.v2.Request",
    ),
    Rule(
        "series-mixed",
        400,
        "A series has samples or histograms, never both.",
        "2.0 io.prometheus.write.v2.Request",
    ),
    Rule(
        "series-repeated",
        400,
        "A label set stands once in a request. The specifications allow more; Prometheus 2.42 loses samples.",
        "pushvar, promise 4",
    ),
    # Samples.
    Rule(
        "timestamp-missing",
        400,
        "A sample has a timestamp.",
        "1.0 Protocol; 2.0 io.prometheus.write.v2.Request",
    ),
    Rule(
        "timestamp-unit",
        400,
        "Timestamps count milliseconds.",
        "1.0 Protocol; 2.0 io.prometheus.write.v2.Request",
    ),
    Rule("timestamp-future", 400, "A sample is at most 10 minutes ahead.", "Prometheus since 2.54"),
    Rule("timestamp-old", 400, "A sample is at most 1 hour old.", "Prometheus, out of bounds"),
    Rule(
        "sample-order",
        400,
        "The timestamps of a series grow, within a request and from request to request.",
        "1.0 Ordering; 2.0 Samples and Histogram Samples",
    ),
    Rule(
        "sample-conflict", 400, "One series has one value at one timestamp.", "Prometheus, duplicate sample"
    ),
    Rule(
        "stale-marker",
        400,
        "The stale marker is exactly 0x7ff0000000000002; arithmetic spoils it into 0x7ff8000000000002.",
        "1.0 Stale Markers; 2.0 Samples and Histogram Samples",
    ),
    Rule(
        "start-timestamp",
        400,
        "A start timestamp is not after its sample.",
        "2.0 Samples and Histogram Samples",
    ),
    Rule("exemplar-timestamp", 400, "An exemplar has a timestamp.", "2.0 Exemplars"),
    Rule("counter-value", ACCEPTED, "A counter is a number, and not a negative one.", "OpenMetrics, Counter"),
    Rule("histogram-dropped", ACCEPTED, "Native histograms are checked here, not kept.", "this receiver"),
    # Metadata.
    Rule(
        "metadata-type", 400, "A metadata type is one of the eight known.", "prompb/types.proto; 2.0 Metadata"
    ),
    Rule("metadata-name", 400, "Metadata names a legal metric family (1.0 only).", "prompb/types.proto"),
    Rule("metadata-refs", 400, "Help and unit point into the symbol table.", "2.0 Symbols"),
    Rule("metadata-flap", 400, "A family keeps its type.", "pushvar, promise 9"),
    Rule("metadata-missing", ACCEPTED, "A 2.0 series states its type.", "2.0 io.prometheus.write.v2.Request"),
)

RULES = {rule.id: rule for rule in _ROWS}
"""Rule id -> rule, in the order in which a request meets them."""


def status_of(violations: Iterable[Violation]) -> int:
    """The status that answers these violations: 415 before 413 before 400; warnings alone are accepted."""
    return max((RULES[violation.rule].status for violation in violations), default=ACCEPTED)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}... ({len(text):,} characters)"

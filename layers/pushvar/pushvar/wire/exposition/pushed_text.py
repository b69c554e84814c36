"""Text format 0.0.4 as a Pushgateway takes it: whole or not at all.

Unlike ``parse``, which reads what programs serve and leaves out a bad line, this reads what somebody pushes
and waits for an answer to: the first bad line refuses the body, with its number and the sentence that the
official parser says. Every line ends in LF, the last one too.

A label without a value is left out, since it is none. Quoted names (``{"x"} 1``) are refused, as by every
Pushgateway before 1.10; legal names need no quotes. HELP may escape quotes, as from 1.10 on.

Pure; raises nothing but BodyRefused; time is linear in the body.
Source: prometheus/common, expfmt/text_parse.go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pushvar.errors import BodyRefused
from pushvar.model import MetricType
from pushvar.wire.exposition.golang import quoted
from pushvar.wire.exposition.pushed_families import Drafts
from pushvar.wire.exposition.pushed_faults import CUT_OFF, escape_fault, sample_fault
from pushvar.wire.exposition.pushed_line import METRIC, head_of, integer_of, number_of, parts_of, unescaped

if TYPE_CHECKING:
    from pushvar.wire.exposition import FamilySamples
    from pushvar.wire.exposition.pushed_families import Draft

_TYPES: Final = {
    "COUNTER": MetricType.COUNTER,
    "GAUGE": MetricType.GAUGE,
    "HISTOGRAM": MetricType.HISTOGRAM,
    "SUMMARY": MetricType.SUMMARY,
    "UNTYPED": MetricType.UNKNOWN,
    "GAUGE_HISTOGRAM": MetricType.UNKNOWN,  # the format cannot show one: each of its names is a family
    "GAUGEHISTOGRAM": MetricType.UNKNOWN,
}
"""Words of TYPE lines, in any case."""

_BLANKS: Final = b" \t"
_COMMENT = re.compile(rf"[ \t]*+#[ \t]*+(HELP|TYPE)[ \t]++({METRIC})?+([ \t]*+)(.*+)".encode(), re.DOTALL)
_ESCAPED = re.compile(rb'[^\\]*+(?:\\[\\n"][^\\]*+)*+')


def read_text(body: bytes) -> tuple[FamilySamples, ...]:
    """The families that have samples, in the order in which they come up. Raises BodyRefused."""
    drafts = Drafts()
    lines = body.split(b"\n")
    last = lines.pop()
    for number, line in enumerate(lines, 1):
        if not _take_sample(line, drafts):
            _take_other(number, line + b"\n", drafts)
    if last.strip(_BLANKS):
        _take_other(len(lines) + 1, last, drafts)
    return drafts.finished()


def _take_sample(line: bytes, drafts: Drafts) -> bool:
    """Take a sample line; False when it is no good, or none."""
    text, _, number = line.rpartition(b" ")
    head = head_of(text)
    value = None if head is None else number_of(number)
    if head is not None and value is not None:
        return drafts.take(head, value, None)  # most lines are one blank between a head and a number
    parts = parts_of(line)
    if parts is None:
        return False
    head, value = head_of(parts[0]), number_of(parts[1])
    timestamp_ms = None if parts[2] is None else integer_of(parts[2])
    if head is None or value is None or (parts[2] is not None and timestamp_ms is None):
        return False
    return drafts.take(head, value, timestamp_ms)


def _take_other(number: int, line: bytes, drafts: Drafts) -> None:
    """A line that gave no sample: it may hold nothing, or a comment. Raises BodyRefused for any other."""
    text, newline, _ = line.partition(b"\n")
    first = text.lstrip(_BLANKS)[:1]
    if first == b"#":
        fault = _comment_fault(text, drafts, newline) or ("" if newline else CUT_OFF)
    else:
        fault = sample_fault(line, drafts) if first else ""
    if fault:
        raise BodyRefused(f"text format parsing error in line {number}: {fault}")


def _comment_fault(text: bytes, drafts: Drafts, newline: bytes) -> str:
    """Take what HELP and TYPE say. A comment without a name, or without anything behind it, says nothing."""
    match = _COMMENT.fullmatch(text)
    if match is None:
        return ""
    keyword, name, gap, rest = match.groups()
    if not name or not gap:
        return "invalid metric name in comment" if rest else ""
    draft, _ = drafts.at(name.decode())
    if not rest:
        return ""
    return _take_help(draft, rest, newline) if keyword == b"HELP" else _take_type(draft, rest, newline)


def _take_help(draft: Draft, text: bytes, newline: bytes) -> str:
    if draft.help is not None:
        return f"second HELP line for metric name {quoted(draft.name.encode())}"
    match = _ESCAPED.match(text)
    assert match is not None  # it may be empty
    after = (text + newline)[match.end() + 1 :]
    if match.end() < len(text):
        return escape_fault(after[0]) if after else CUT_OFF
    draft.help = unescaped(text.decode("utf-8", "replace"))
    return ""


def _take_type(draft: Draft, text: bytes, newline: bytes) -> str:
    if draft.type is not None:
        name = quoted(draft.name.encode())
        return f"second TYPE line for metric name {name}, or TYPE reported after samples"
    if not newline:
        return CUT_OFF
    word = text.replace(b"\\", b"")  # the parser drops backslashes here
    metric_type = _TYPES.get(word.decode("utf-8", "replace").upper())
    if metric_type is None:
        return f"unknown metric type {quoted(word)}"
    draft.settle(metric_type)
    return ""

"""Exposition text in: our own reader of text 0.0.4 and OpenMetrics 1.0, where a bad line costs that line.

The official parsers rename counters or refuse the whole document; programs in the wild print both
formats with small faults. Here every line stands for itself: one that cannot be read is reported with
its number and a reason, and the rest counts. Order does not matter: TYPE may follow its samples, and
families may be interleaved. A sample keeps the name it was printed with.

Where Prometheus fails a scrape (an unreadable line, a label twice, no ``# EOF``), this leaves out the
line; which values, escapes and timestamps are readable is the same. Pure; never raises; time is linear
in the body and memory bounded by it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Final

from pushvar.wire.exposition import lines
from pushvar.wire.exposition.lines import Unreadable
from pushvar.wire.exposition.parsed import Exposition, Fault, ParsedFamily, ParsedSample

LINE_BYTES: Final = 64 * 1024
"""The longest line that is read."""

SAMPLE_LIMIT: Final = 500_000
FAMILY_LIMIT: Final = 100_000
FAULT_LIMIT: Final = 10_000
"""Lines left out after which the rest of the document is: it is something else."""
FAULTS_KEPT: Final = 100

TYPES: Final = {
    "counter": "counter",
    "gauge": "gauge",
    "histogram": "histogram",
    "gaugehistogram": "gaugehistogram",
    "summary": "summary",
    "info": "info",
    "stateset": "stateset",
    "unknown": "unknown",
    "untyped": "unknown",
}
"""Words of TYPE lines in either format, and what OpenMetrics calls them."""

_METADATA = re.compile(rb"[ \t]*+#[ \t]*+(HELP|TYPE|UNIT)[ \t]++")
_NAMED = re.compile(r'(?:"((?:[^"\\]|\\.)*+)"|([a-zA-Z_:][a-zA-Z0-9_:]*+))(?:[ \t](.*))?', re.DOTALL)
_EOF = re.compile(rb"# EOF[ \t\r]*+")
_ENDS = re.compile(rb"(?:^|\n)# EOF[ \t\r\n]*+\Z")
_ONLY_OPENMETRICS = re.compile(
    rb"^#[ \t]*+(?:UNIT[ \t]|TYPE[ \t]++[^ \t\n]++[ \t]++(?:unknown|info|stateset|gaugehistogram)[ \t\r]*+$)"
    rb"|^[^#\n][^\n]*[ \t}][-+.0-9eEaNIfn]++[ \t]++#[ \t]*+\{",
    re.MULTILINE,
)


def parse(body: bytes, content_type: str = "") -> Exposition:
    """Parse a document. ``content_type`` is the header it came with; without it the body decides."""
    declared = _declared(content_type)
    openmetrics = _is_openmetrics(body) if declared is None else declared
    draft = _Draft(openmetrics)
    every = body.split(b"\n")
    draft.crlf = len(every) > 1 and all(line.endswith(b"\r") for line in every[:-1])
    number = 0
    for number, line in enumerate(every, 1):
        if line and not draft.take(number, line):
            break
    if declared and not draft.ended:
        draft.fault(number, "no_eof")
    return Exposition(
        draft.families, tuple(draft.samples), tuple(draft.faults), dict(draft.counts), openmetrics
    )


def _declared(content_type: str) -> bool | None:
    """Whether a Content-Type says OpenMetrics; None when it says neither format."""
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if kind == "application/openmetrics-text":
        return True
    return False if kind == "text/plain" and "version=0.0.4" in parameters else None


def _is_openmetrics(body: bytes) -> bool:
    return bool(_ENDS.search(body[-LINE_BYTES:]) or _ONLY_OPENMETRICS.search(body))


@dataclass(slots=True)
class _Draft:
    """What the lines have said so far."""

    openmetrics: bool
    crlf: bool = False
    ended: bool = False
    families: dict[str, ParsedFamily] = field(default_factory=dict)
    samples: list[ParsedSample] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    typed: set[str] = field(default_factory=set)

    def take(self, number: int, line: bytes) -> bool:
        """Read one line; False when nothing more is to be read."""
        try:
            self._take(number, line)
        except Unreadable as error:
            self.fault(number, str(error))
        if len(self.samples) > SAMPLE_LIMIT:
            del self.samples[SAMPLE_LIMIT:]
            self.fault(number, "too_many_lines")
            return False
        if self.counts.total() > FAULT_LIMIT:
            self.fault(number, "too_many_lines")
            return False
        return True

    def fault(self, number: int, reason: str) -> None:
        """Count a line that was left out, and remember the first ones."""
        self.counts[reason] += 1
        if len(self.faults) < FAULTS_KEPT:
            self.faults.append(Fault(number, reason))

    def _take(self, number: int, line: bytes) -> None:
        if not line.strip():
            return
        if self.ended:
            raise Unreadable("after_eof")
        if len(line) > LINE_BYTES:
            raise Unreadable("long_line")
        if not line.lstrip(b" \t").startswith(b"#"):
            head = lines.head_bytes(line)
            series = lines.series(line[:head])
            rest = lines.tail(line, head, openmetrics=self.openmetrics)
            self.samples.append(ParsedSample(series, *rest, number, head))
            return
        match = _METADATA.match(line)
        if match:
            own = line[match.end() :]
            self._describe(match[1], own.removesuffix(b"\r") if self.crlf else own)
        elif self.openmetrics:
            self.ended = bool(_EOF.fullmatch(line))

    def _describe(self, keyword: bytes, line: bytes) -> None:
        match = _NAMED.fullmatch(line.decode("utf-8", "replace"))
        if match is None:
            raise Unreadable("bad_metadata")
        quoted, plain, text = match.groups()
        name = plain if quoted is None else lines.legal_name(lines.unescaped(quoted))
        known = self.families.get(name, ParsedFamily(name))
        if len(self.families) >= FAMILY_LIMIT and name not in self.families:
            raise Unreadable("too_many_families")
        self.families[name] = _METADATA_READERS[keyword](self, known, text or "")

    def read_help(self, family: ParsedFamily, text: str) -> ParsedFamily:
        """The first HELP of a name counts."""
        shown = lines.unescaped(text) if self.openmetrics else _unescaped_help(text)
        if family.help and family.help != shown:
            raise Unreadable("repeated_metadata")
        return replace(family, help=shown)

    def read_type(self, family: ParsedFamily, text: str) -> ParsedFamily:
        """The first TYPE of a name counts."""
        word = TYPES.get(text.strip(" \t\r"))
        if word is None:
            raise Unreadable("bad_type")
        if family.name in self.typed and family.type != word:
            raise Unreadable("repeated_metadata")
        self.typed.add(family.name)
        return replace(family, type=word)

    def read_unit(self, family: ParsedFamily, text: str) -> ParsedFamily:
        """A unit that the family's name does not end in is no unit (OpenMetrics 1.0, "Unit")."""
        unit = text.strip(" \t\r")
        if unit and not family.name.endswith(f"_{unit}"):
            raise Unreadable("bad_unit")
        return replace(family, unit=unit)


_METADATA_READERS = {b"HELP": _Draft.read_help, b"TYPE": _Draft.read_type, b"UNIT": _Draft.read_unit}
_HELP_ESCAPE = re.compile(r"\\([\\n])")


def _unescaped_help(text: str) -> str:
    """HELP of the text format, where a quote needs no escape."""
    return _HELP_ESCAPE.sub(lambda match: "\n" if match[1] == "n" else "\\", text) if "\\" in text else text

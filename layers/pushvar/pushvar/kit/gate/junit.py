"""The verdicts as JUnit XML, as GitLab and Jenkins show it: a suite for each URL, a case for each check."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from pushvar.kit.gate.facts import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.kit.gate.checks import Result
    from pushvar.kit.gate.verdict import Verdict

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to say (section 2.2)."""


def junit(verdicts: Sequence[Verdict]) -> bytes:
    """The document, in UTF-8."""
    root = Element("testsuites", name="pushvar check")
    for verdict in verdicts:
        counts = {
            "tests": len(verdict.results),
            "failures": sum(_fails(verdict, one) for one in verdict.results),
            "errors": 0,
            "skipped": verdict.count(Level.SKIP),
        }
        attributes = {name: str(count) for name, count in counts.items()}
        suite = SubElement(root, "testsuite", {"name": _legal(verdict.facts.url), **attributes})
        for one in verdict.results:
            _case(suite, verdict, one)
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _fails(verdict: Verdict, one: Result) -> bool:
    return one.level >= (Level.WARN if verdict.strict else Level.FAIL)


def _case(suite: Element, verdict: Verdict, one: Result) -> None:
    case = SubElement(suite, "testcase", name=one.check.name, classname=f"pushvar.{one.check.group.lower()}")
    lines = [f"{f.what}; {f.mend}" if f.mend else f.what for f in one.findings]
    text = _legal("\n".join(lines))
    if one.level == Level.SKIP:
        SubElement(case, "skipped", message=text)
    elif _fails(verdict, one):
        SubElement(case, "failure", message=text.partition("\n")[0], type=one.level.name.lower()).text = text
    elif lines:
        SubElement(case, "system-out").text = text


def _legal(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)

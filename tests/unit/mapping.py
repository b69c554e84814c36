"""What the tests of mapping rules share: rules and a document in, series out."""

from __future__ import annotations

import json
import struct
from typing import Any

from pushvar.config.load import load_rules
from pushvar.convert.converter import Converted, Converter
from pushvar.convert.mapping import rule_set
from pushvar.convert.plan import Stamp
from pushvar.model import Target

STAMP = Stamp(Target("key", "pay", "http://a", (("job", "pay"),)))
Rules = list[dict[str, Any]]


def converted(
    rules: Rules, document: Any, unmatched: str = "drop", converter: Converter | None = None
) -> Converted:
    """One conversion; a document may be given as bytes."""
    found = rule_set(load_rules(json.dumps(rules), source="rules"), unmatched)
    sent = document if isinstance(document, bytes) else json.dumps(document).encode()
    return (converter or Converter()).convert(STAMP, sent, found)


def named(found: Converted) -> dict[str, float]:
    """Each series as people write it, with its value."""
    values = struct.unpack(f"<{len(found.values) // 8}d", found.values)
    rows = found.plan.shape.rows
    return {
        row.name
        + ("{" + ",".join(f'{name}="{text}"' for name, text in row.labels) + "}" if row.labels else ""): value
        for row, value in zip(rows, values, strict=True)
    }


def series(rules: Rules, document: Any, unmatched: str = "drop") -> dict[str, float]:
    """The series of one conversion."""
    return named(converted(rules, document, unmatched))


def reasons(found: Converted) -> dict[str, str]:
    """Path -> why it gives no series."""
    return {one.path: one.reason for one in found.plan.shape.skipped}


def types(found: Converted) -> dict[str, str]:
    """Family -> type."""
    return {family.name: family.type.value for family in found.plan.shape.families}

"""The dictionary for programs: one JSON object, or lines of CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from pushvar.kit.dictionary.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.kit.dictionary.entries import ReadyEntry

SCHEMA = 1


def as_json(entries: Sequence[Entry], ready: Sequence[ReadyEntry]) -> str:
    """One object: ``metrics`` and ``ready``, lists of objects with the fields of their entries."""
    whole = {
        "schema": SCHEMA,
        "metrics": [asdict(one) for one in entries],
        "ready": [asdict(one) for one in ready],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def as_csv(entries: Sequence[Entry]) -> str:
    """A line for each metric of the catalogue, under the names of an entry's fields; lists by ``; ``."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    names = [field.name for field in fields(Entry)]
    lines.writerow(names)
    for one in entries:
        lines.writerow([_cell(getattr(one, name)) for name in names])
    return out.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        return "; ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)

"""The files of the dictionary: ``metrics.md``, ``metrics.json``, ``metrics.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.kit.dictionary.entries import entries, ready_entries
from pushvar.kit.dictionary.markdown import page
from pushvar.kit.dictionary.records import as_csv, as_json
from pushvar.kit.dictionary.usage import Usage
from pushvar.kit.dictionary.uses import all_uses

if TYPE_CHECKING:
    from pushvar.kit.settings import KitSettings


def dictionary_files(settings: KitSettings) -> dict[str, str]:
    """Path -> text; the uses are those of all rules and dashboards that the kit makes."""
    usage = Usage(*all_uses(settings))
    found, ready = entries(settings, usage), ready_entries()
    return {
        "metrics.md": page(found, ready, settings),
        "metrics.json": as_json(found, ready),
        "metrics.csv": as_csv(found),
    }

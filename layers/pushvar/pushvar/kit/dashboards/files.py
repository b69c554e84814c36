"""The files of ``monitoring/dashboards``, and single dashboards in a flavour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pushvar.kit.dashboards import board_of, names
from pushvar.kit.dashboards.build import dashboard
from pushvar.kit.dashboards.flavours import importable, pinned, text_of
from pushvar.kit.dashboards.provisioning import datasource_file, provider_file
from pushvar.kit.dashboards.readme import readme

if TYPE_CHECKING:
    from pushvar.kit.dashboards.links import Further
    from pushvar.kit.settings import KitSettings


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks of the dashboards: of which configuration, with which data source and links."""

    settings: KitSettings
    datasource_uid: str = ""
    links: tuple[Further, ...] = ()


def dashboards(wanted: Wanted, chosen: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """Name -> JSON for provisioning and the API; all, unless some are chosen."""
    boards = {name: board_of(name, wanted.settings) for name in names()}
    choices = {name: tuple(one.label for one in board.variables) for name, board in boards.items()}
    made = {name: dashboard(boards[name], choices, wanted.links) for name in chosen or names()}
    uid = wanted.datasource_uid
    return {name: pinned(one, uid) for name, one in made.items()} if uid else made


def dashboard_files(wanted: Wanted) -> dict[str, str]:
    """The whole folder: both flavours, what provisions them, and a page that explains them."""
    made = dashboards(wanted)
    plain = {f"{name}.json": text_of(one) for name, one in made.items()}
    imported = {f"import/{name}.json": text_of(importable(one)) for name, one in made.items()}
    beside = {
        "provisioning.yml": provider_file(),
        "datasource.yml": datasource_file(wanted.settings),
        "README.md": readme([board_of(name, wanted.settings) for name in names()], wanted.settings),
    }
    return {**plain, **imported, **beside}


def flavoured(wanted: Wanted, chosen: tuple[str, ...], flavour: str) -> dict[str, str]:
    """Single dashboards as ``NAME.json``; ``flavour`` is "provisioning" or "import"."""
    form = importable if flavour == "import" else _as_it_is
    return {f"{name}.json": text_of(form(one)) for name, one in dashboards(wanted, chosen).items()}


def _as_it_is(dashboard: dict[str, Any]) -> dict[str, Any]:
    return dashboard

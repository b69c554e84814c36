"""``pushvar kit dashboards --push``: what is posted, and what is said of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from pushvar.app.published import Grafana
from pushvar.app.world import real_world
from pushvar.cli import exit_codes
from pushvar.cli.tables import show_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.app.published import Published

_SCHEMA = 1


class Destination(NamedTuple):
    """Which Grafana, and the title of the folder there; None is the root folder."""

    url: str
    folder: str | None
    create: bool
    verify: bool


def push_dashboards(made: Mapping[str, dict[str, Any]], into: Destination, *, as_json: bool) -> int:
    """Post them one after the other, verify where they lie, and show where they are seen."""
    grafana = Grafana(into.url, real_world())
    try:
        folder_uid = grafana.folder(into.folder, create=into.create) if into.folder is not None else ""
        done = []
        for name, dashboard in made.items():
            done.append(grafana.post(name, dashboard, folder_uid))
            if into.verify:
                grafana.verify(name, dashboard["uid"], folder_uid)
    finally:
        grafana.close()
    if as_json:
        told = {"schema": _SCHEMA, "folder": into.folder, "folder_uid": folder_uid, "verified": into.verify}
        click.echo(json.dumps({**told, "dashboards": [asdict(one) for one in done]}, indent=2))
    else:
        _show(done, into, folder_uid)
    return exit_codes.FINE


def _show(done: list[Published], into: Destination, folder_uid: str) -> None:
    rows = [("dashboard", "version", "seen at"), *((one.name, str(one.version), one.url) for one in done)]
    show_table(rows, right=(1,), colours=["bright_black", *[None] * len(done)])
    where = f"folder {into.folder} ({folder_uid})" if into.folder is not None else "the root folder"
    click.secho(f"{len(done)} in {where}{', verified' if into.verify else ''}", fg="green", err=True)

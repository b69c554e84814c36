"""``pushvar audit --source``: Go source that starts a server and shows no metrics."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pushvar.app.go_sources import source_audit
from pushvar.cli import exit_codes
from pushvar.cli.tables import counted, show_table
from pushvar.kit.audit.go_source import HINT

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMA = 1
_OTHERS = ("csv", "markdown", "html", "save", "compare", "metrics", "push", "fail_under")


def audit_source(given: Mapping[str, Any]) -> int:
    """Do what ``--source`` says, and give the exit code: 1 when something is found."""
    unfit = [f"--{name.replace('_', '-')}" for name in _OTHERS if given[name]]
    if unfit:
        raise click.UsageError(f"--source takes no {unfit[0]}: it knows of no targets")
    found = source_audit(given["source"])
    if given["as_json"]:
        click.echo(json.dumps({"schema": _SCHEMA, "kind": "pushvar source audit", **asdict(found)}, indent=2))
    else:
        said = f"{counted(found.files, 'Go file')} read, {found.serving:,} of them start an HTTP server"
        click.secho(f"{said}; {counted(len(found.silent), 'place')} without metrics", bold=True)
        if found.silent:
            rows = [(f"{one.path}:{one.line}", one.text) for one in found.silent]
            show_table([("place", "starts"), *rows], colours=["bright_black", *[None] * len(rows)])
            click.echo(f"next step: {HINT}")
        click.secho("a search by words: it misses what libraries start, and may accuse dead code", dim=True)
    return exit_codes.FINDINGS if found.silent else exit_codes.FINE

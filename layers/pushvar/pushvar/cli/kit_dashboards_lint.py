"""``pushvar kit dashboards --lint``: the faults of dashboard files, each with its place and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pushvar.cli import exit_codes
from pushvar.cli.tables import counted, printable
from pushvar.errors import ConfigError
from pushvar.kit.dashboards.flavours import text_of
from pushvar.kit.dashboards.lint import lint
from pushvar.kit.dashboards.mend import mended

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.kit.dashboards.lint import Reading

_SCHEMA = 1


def lint_files(paths: Sequence[str], reading: Reading, *, fix: bool, as_json: bool) -> int:
    """Show the findings of each file, one a line; with ``fix`` those that are left when it was mended.

    Raises ConfigError for a file that cannot be read or written.
    """
    if not paths:
        raise click.UsageError("--lint needs the FILEs to check")
    found = {path: lint(_mended(path) if fix else _read(path), reading) for path in paths}
    total = sum(map(len, found.values()))
    if as_json:
        files = [{"file": path, "findings": [one._asdict() for one in some]} for path, some in found.items()]
        click.echo(json.dumps({"schema": _SCHEMA, "findings": total, "files": files}, indent=2))
    else:
        for path, some in found.items():
            for one in some:
                line = f"{path}: {one.place}: {one.rule}: {one.problem}; {one.remedy}"
                click.secho(printable(line), fg="red")
        verdict = counted(total, "finding") if total else "no findings"
        told = f"{counted(len(paths), 'dashboard')}, {verdict}"
        click.secho(told, err=True, fg="yellow" if total else "green")
    return exit_codes.FINDINGS if total else exit_codes.FINE


def _mended(path: str) -> dict[str, Any]:
    """The dashboard of a file, mended there too; one that needs nothing is not written."""
    before = _read(path)
    after = mended(before)
    if after != before:
        try:
            Path(path).write_text(text_of(after), "utf-8")
        except OSError as error:
            raise ConfigError(
                "--fix", f"{path}: {error.strerror}", hint="give files that may be written"
            ) from None
        click.secho(f"mended {path}", err=True, fg="green")
    return after


def _read(path: str) -> dict[str, Any]:
    try:
        found = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise ConfigError("--lint", f"{path}: {error.strerror}", hint="give files of dashboards") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError("--lint", f"{path}: no JSON: {error}", hint="export it from Grafana") from None
    if not isinstance(found, dict):
        raise ConfigError("--lint", f"{path}: no JSON object", hint="export a dashboard from Grafana")
    inner = found.get("dashboard")  # what the API takes and gives has it inside
    return inner if isinstance(inner, dict) and "panels" not in found else found

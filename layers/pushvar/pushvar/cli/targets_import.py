"""``pushvar targets import``: a whole list of targets into a tree, all of it or nothing."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from pushvar.cli import exit_codes
from pushvar.cli.registries import registry_option
from pushvar.cli.tables import counted, show_table
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushvar.cli.edits import Edit
    from pushvar.config.merge import Merged
    from pushvar.config.target_lists import Row

_SCHEMA = 1
_SUFFIXES = {".csv": "csv", ".json": "file_sd", ".yml": "file_sd", ".yaml": "file_sd"}

_EPILOG = """\b
Examples:
  pushvar targets import targets.csv --registry ssm:/pushvar/prod --dry-run
  pushvar targets import pay.json --registry ssm:/pushvar/prod --job pay --replace
A CSV begins with a line of names: target, job (or give --job), then labels."""


@click.command("import", epilog=_EPILOG)
@registry_option
@click.option("--job", metavar="NAME", help="The job that gets them, where the list names none.")
@click.option("--format", "form", type=click.Choice(["file_sd", "csv"]),
    help="What the list is. [default: what the file's name says]",
)  # fmt: skip
@click.option("--replace", is_flag=True, help="Remove targets of these jobs that the list does not have.")
@click.option("--dry-run", is_flag=True, help="Check everything, write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.argument("source", metavar="FILE|-")
def import_command(
    reference: str, job: str | None, form: str | None,
    replace: bool, dry_run: bool, as_json: bool, source: str,  # noqa: FBT001 - click flags
) -> int:  # fmt: skip
    """Bring in a list of targets: file_sd (JSON or YAML) or CSV.

    Targets that are there already, with the same labels, stay as they are. When anything is wrong,
    nothing is written.
    """
    from pushvar.cli.edits import Edit

    edit = Edit(reference)
    rows = _rows(edit, source, _format(source, form), job)
    found = _merged(edit, rows, job, replace=replace)
    changes = any(one.added or one.removed for one in found.values())
    if changes:
        edit.replace_all({name: one.node for name, one in found.items() if one.added or one.removed})
        if not dry_run:
            edit.write()
    _report(reference, found, written=changes and not dry_run, as_json=as_json)
    return exit_codes.FINE


def _format(source: str, form: str | None) -> str:
    known = form or next(
        (kind for suffix, kind in _SUFFIXES.items() if source.lower().endswith(suffix)), None
    )
    if known is None:
        raise ConfigError("--format", f"the name {source} does not say what the list is", hint="give one")
    return known


def _rows(edit: Edit, source: str, form: str, job: str | None) -> Sequence[Row]:
    from pushvar.collect.registry.file import text_of
    from pushvar.config.target_lists import read_csv, read_file_sd

    if form == "file_sd" and job is None:
        raise ConfigError("--job", "missing: a file_sd list names no job", hint="give the job that gets them")
    text = sys.stdin.buffer.read().decode("utf-8-sig", "replace") if source == "-" else text_of(source)
    name = "stdin" if source == "-" else source
    if form == "csv":
        rows = read_csv(text, source=name, job=job or "")
    else:
        rows = read_file_sd(text, source=name, job=job or "", tenancy=edit.config.tenancy)
    return rows


def _merged(edit: Edit, rows: Sequence[Row], job: str | None, *, replace: bool) -> Mapping[str, Merged]:
    """What the list makes of each job that it names; with ``replace`` an empty list empties ``--job``."""
    from pushvar.cli.edits import job_of
    from pushvar.config.merge import merged
    from pushvar.config.target_lists import refuse_twice

    by_job: dict[str, list[Row]] = {} if job is None else {job: []}
    for row in rows:
        by_job.setdefault(row.job, []).append(row)
    nodes = {one.job_name: node for one, node in edit.jobs()}
    found = {}
    for name, some in by_job.items():
        scheme = job_of(edit.config, name).scheme
        refuse_twice(some, scheme)
        found[name] = merged(nodes[name], some, scheme, replace=replace)
    return found


def _report(reference: str, found: Mapping[str, Merged], *, written: bool, as_json: bool) -> None:
    if as_json:
        jobs = {
            name: {"added": one.added, "removed": one.removed, "unchanged": one.unchanged}
            for name, one in found.items()
        }
        click.echo(json.dumps({"schema": _SCHEMA, "registry": reference, "written": written, "jobs": jobs}))
        return
    head = ("job", "added", "removed", "unchanged")
    rows = [
        (name, *(f"{n:,}" for n in (one.added, one.removed, one.unchanged))) for name, one in found.items()
    ]
    show_table([head, *rows], right=(1, 2, 3))
    changed = sum(one.added + one.removed for one in found.values())
    said = "written" if written else "nothing written (--dry-run)" if changed else "nothing to write"
    click.secho(f"{counted(changed, 'change')}; {said}", dim=True)

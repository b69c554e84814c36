"""``pushvar targets export``: the targets that stand in a configuration, as a list for other tools."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from pushvar.cli import exit_codes
from pushvar.cli.registries import registry_option
from pushvar.cli.tables import reading
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pushvar.config.schema import Config
    from pushvar.config.target_lists import Row

_SCHEMA = 1

_EPILOG = """\b
Examples:
  pushvar targets export --registry ssm:/pushvar/prod > targets.csv
  pushvar targets export --registry ssm:/pushvar/prod --job pay --format file_sd > pay.json"""


@click.command("export", epilog=_EPILOG)
@registry_option
@click.option("--job", metavar="NAME", help="Those of this job alone; a file_sd list is always of one job.")
@click.option("--format", "form", type=click.Choice(["csv", "file_sd", "yaml"]),
    default="csv", show_default=True,
    help="csv has a column for the job; file_sd is JSON, yaml the same in YAML.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object with the list in it.")
def export_command(reference: str, job: str | None, form: str, as_json: bool) -> int:  # noqa: FBT001 - a click flag
    """Write the targets that stand in static_configs as a list that import takes.

    What jobs discover elsewhere is not among them: list shows it.
    """
    from pushvar.cli.edits import job_of
    from pushvar.config.target_lists import csv_of, file_sd_of, yaml_of

    config = _config(reference)
    if job is not None:
        job_of(config, job)
    rows = [row for row in _rows(config) if job in (None, row.job)]
    if as_json:
        targets = [{"job": row.job, "target": row.address, "labels": dict(row.labels)} for row in rows]
        click.echo(json.dumps({"schema": _SCHEMA, "registry": reference, "targets": targets}))
        return exit_codes.FINE
    if form != "csv" and len({row.job for row in rows}) > 1:
        raise ConfigError("--job", f"missing: {form} holds the targets of one job", hint="name it")
    write: Callable[[Iterable[Row]], str] = {"csv": csv_of, "file_sd": file_sd_of, "yaml": yaml_of}[form]
    click.echo(write(rows), nl=False)
    return exit_codes.FINE


def _config(reference: str) -> Config:
    """The configuration alone: nothing is discovered for it."""
    from pushvar.cli.registries import parameter_tree
    from pushvar.collect.registry import is_file
    from pushvar.collect.registry.file import text_of
    from pushvar.config.load import load
    from pushvar.config.tree import read_tree

    if is_file(reference):
        path = reference.removeprefix("file:")
        return load(text_of(path), source=path)
    tree = parameter_tree(reference, "--registry", "write ssm:/pushvar/<stage> or the path of a file")
    with reading() as progress:
        stored = tree.read_some(progress)
    return read_tree(stored.items, tree.prefix).config


def _rows(config: Config) -> Iterable[Row]:
    from pushvar.config.target_lists import Row

    for job in config.scrape_configs:
        for group in job.static_configs:
            labels = tuple(pair for pair in group.labels if pair[1])
            for address in group.targets:
                yield Row("", job.job_name, address, labels)

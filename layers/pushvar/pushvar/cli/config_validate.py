"""``pushvar config validate``: every problem of a configuration at once, before anything uses it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pushvar.cli import exit_codes
from pushvar.cli.registries import parameter_tree
from pushvar.cli.tables import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.app.validation import Validation
    from pushvar.config.schema import Config
    from pushvar.errors import ConfigError

_SCHEMA = 1
_STDIN, _SCHEME = "-", "ssm:"

_EPILOG = """\b
Examples:
  pushvar config validate pushvar.yml
  pushvar config validate ssm:/pushvar/prod --json
  pushvar config import prometheus.yml | pushvar config validate -

Exit code 1: a problem was found; with --strict, also for a warning."""


@click.command("validate", epilog=_EPILOG)
@click.argument("reference", metavar="FILE|ssm:/PATH|-")
@click.option("--strict", is_flag=True, help="Warnings are problems too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(reference: str, strict: bool, as_json: bool) -> int:  # noqa: FBT001 - click flags
    """Check a configuration: keys, values, rules, relabelling, targets.

    Nothing is fetched or sent; http_sd and dns_sd are not asked; no secret is looked up.
    """
    found = _validation(reference)
    if as_json:
        click.echo(json.dumps(_object(reference, found)))
    else:
        _show(reference, found)
    wrong = found.problems or (strict and found.warnings)
    return exit_codes.FINDINGS if wrong else exit_codes.FINE


def _validation(reference: str) -> Validation:
    from pushvar.app.validation import Loaded, validate
    from pushvar.config.load import load
    from pushvar.config.problems import rendered

    if reference == _STDIN:
        return validate(lambda: Loaded(load(sys.stdin.read(), source="stdin"), rendered))
    if reference.startswith(_SCHEME):
        return _validation_of_tree(reference)
    from pushvar.collect.registry.file import text_of

    path = Path(reference.removeprefix("file:"))
    if not path.is_file():
        text_of(str(path))  # says what is wrong: that is wrong usage, not a finding
    folder = str(path.parent)
    return validate(lambda: Loaded(load(text_of(str(path)), source=str(path), directory=folder), rendered))


def _validation_of_tree(reference: str) -> Validation:
    from pushvar.app.validation import Loaded, validate
    from pushvar.config.tree import read_tree

    place = parameter_tree(reference, "REF", "write ssm:/pushvar/<stage>")

    def read() -> Loaded:
        stored = place.read_some()
        tree = read_tree(stored.items, place.prefix)
        return Loaded(tree.config, tree.source_of, stored.settled)

    return validate(read)


def _show(reference: str, found: Validation) -> None:
    for problem in found.problems:
        click.secho(f"problem: {problem}", fg="red")
    for warning in found.warnings:
        click.secho(f"warning: {warning}", fg="yellow")
    counts = [counted(len(found.problems), "problem"), counted(len(found.warnings), "warning")]
    if found.config is not None:
        backends = len(found.config.remote_write) + len(found.config.pushgateways)
        jobs = counted(len(found.config.scrape_configs), "job")
        what = f"version {found.version}, {jobs}, {counted(found.targets, 'target')}, "
        counts = [what + counted(backends, "backend"), *counts]
    click.secho(f"{reference}: {'; '.join(counts)}", fg="red" if found.problems else "green")


def _object(reference: str, found: Validation) -> dict[str, Any]:
    config = found.config
    return {
        "schema": _SCHEMA,
        "source": reference,
        "valid": not found.problems,
        "version": found.version,
        "jobs": [job.job_name for job in config.scrape_configs] if config else [],
        "targets": found.targets,
        "backends": _backends(config) if config else [],
        "problems": told(found.problems),
        "warnings": told(found.warnings),
    }


def _backends(config: Config) -> list[str]:
    return [*(one.name for one in config.remote_write), *(one.name for one in config.pushgateways)]


def told(problems: Sequence[ConfigError]) -> list[dict[str, str]]:
    """The problems as JSON has them."""
    return [
        {"place": one.place, "path": one.path, "problem": one.problem, "hint": one.hint} for one in problems
    ]

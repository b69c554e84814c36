"""``pushvar targets``: the targets of a registry, listed, added, removed, brought in and written out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from pushvar.cli import exit_codes
from pushvar.cli.registries import registry_option
from pushvar.cli.tables import counted, show_table
from pushvar.cli.targets_export import export_command
from pushvar.cli.targets_import import import_command
from pushvar.cli.values import LABEL
from pushvar.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pushvar.model import Target

_SCHEMA = 1

_LIST = """\b
Examples:
  pushvar targets list --registry pushvar.yml
  pushvar targets list --registry ssm:/pushvar/prod --job pay --json"""
_ADD = """\b
Example:
  pushvar targets add --registry ssm:/pushvar/prod --job pay --label customer_id=acme 10.0.1.5:8080"""
_REMOVE = """\b
Example:
  pushvar targets remove --registry ssm:/pushvar/prod 10.0.1.5:8080"""


@click.group("targets")
def command() -> None:
    """List, add and remove targets; bring in whole lists, and write them out."""


command.add_command(import_command)
command.add_command(export_command)


@command.command("list", epilog=_LIST)
@registry_option
@click.option("--job", metavar="NAME", help="Those of this job alone.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(reference: str, job: str | None, as_json: bool) -> int:  # noqa: FBT001 - a click flag
    """List the targets of a registry with their final labels."""
    from pushvar.app.world import means_of, real_world
    from pushvar.cli.edits import job_of
    from pushvar.collect.registry import open_registry
    from pushvar.collect.targets import build_targets

    snapshot = open_registry(reference, means_of(real_world())).load()
    if job is not None:
        job_of(snapshot.config, job)
    targets, refused, left_out = build_targets(snapshot.config, snapshot.groups)
    shown = [target for target in targets if job in (None, target.job)]
    dropped = [one for one in left_out if job in (None, one.job)]
    problems = (*snapshot.problems, *refused)
    if as_json:
        listed = [_object(target) for target in shown]
        whole = {"schema": _SCHEMA, "registry": reference, "version": snapshot.version}
        whole["dropped"] = [one._asdict() for one in dropped]
        rest = {"unsettled": snapshot.unsettled, "problems": [str(one) for one in problems]}
        click.echo(json.dumps({**whole, "targets": listed, **rest}))
    else:
        rows = [(target.job, urlsplit(target.url).netloc, target.url, _labels(target)) for target in shown]
        show_table([("job", "address", "url", "labels"), *rows])
        more = f", {len(dropped):,} dropped by relabel_configs" if dropped else ""
        click.secho(counted(len(rows), "target") + more, dim=True)
        for problem in problems:
            click.secho(f"warning: {problem}", err=True, fg="yellow")
    return exit_codes.FINDINGS if problems else exit_codes.FINE


@command.command("add", epilog=_ADD)
@registry_option
@click.option("--job", required=True, metavar="NAME", help="The job that gets them.")
@click.option("--label", "labels", type=LABEL, multiple=True, metavar="NAME=VALUE",
    help="A label of all of them; may be repeated.",
)  # fmt: skip
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
def add(reference: str, job: str, labels: Sequence[tuple[str, str]], addresses: Sequence[str]) -> int:
    """Add targets to a job.

    They join the group that has just these labels, or are a new one.
    """
    from pushvar.cli.edits import Edit, job_of
    from pushvar.config.edit import with_targets

    pairs = dict(labels)
    if len(pairs) < len(labels):
        raise ConfigError("--label", "the same name is given twice", hint="keep one")
    edit = Edit(reference)
    job_of(edit.config, job)
    node = next(node for one, node in edit.jobs() if one.job_name == job)
    edit.replace(job, with_targets(node, addresses, pairs))
    edit.refuse_duplicates(job, addresses, pairs)
    edit.write()
    now = len(edit.targets(job))
    click.echo(f"{job}: {counted(len(addresses), 'target')} added; it has {now:,} now")
    return exit_codes.FINE


@command.command("remove", epilog=_REMOVE)
@registry_option
@click.option("--job", metavar="NAME", help="Of this job alone. [default: of every job that has them]")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
def remove(reference: str, job: str | None, addresses: Sequence[str]) -> int:
    """Remove targets, whatever labels they have.

    When one of them is not there, nothing is written.
    """
    from pushvar.cli.edits import Edit, job_of
    from pushvar.config.edit import without_targets
    from pushvar.config.web import with_port

    edit = Edit(reference)
    if job is not None:
        job_of(edit.config, job)
    missing = dict.fromkeys(addresses)
    counts: dict[str, int] = {}
    for one, node in edit.jobs():
        if job in (None, one.job_name):
            wanted = {with_port(address, one.scheme): address for address in addresses}
            changed, removed = without_targets(node, wanted, one.scheme)
            for address in removed:
                missing.pop(wanted[address], None)
            if removed:
                counts[one.job_name] = len(removed)
                edit.replace(one.job_name, changed)
    _refuse_missing(missing, job)
    edit.write()
    for name, count in counts.items():
        click.echo(f"{name}: {counted(count, 'target')} removed; it has {len(edit.targets(name)):,} now")
    return exit_codes.FINE


def _refuse_missing(missing: Iterable[str], job: str | None) -> None:
    where = "this configuration" if job is None else f"job {job}"
    hint = "pushvar targets list shows those that are there"
    problems = [ConfigError(address, f"no target of {where}", hint=hint) for address in missing]
    if problems:
        raise ConfigErrors(problems)


def _object(target: Target) -> dict[str, Any]:
    return {
        "job": target.job,
        "address": urlsplit(target.url).netloc,
        "url": target.url,
        "labels": dict(target.labels),
    }


def _labels(target: Target) -> str:
    """The labels that say more than the columns beside them."""
    said = {"job": target.job, "instance": urlsplit(target.url).netloc}
    return " ".join(f"{name}={value}" for name, value in target.labels if said.get(name) != value)

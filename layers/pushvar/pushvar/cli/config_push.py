"""``pushvar config push``: a tree of parameters made to hold what a file says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from pushvar.cli import exit_codes
from pushvar.cli.registries import parameter_tree
from pushvar.cli.tables import counted, progress_bar, show_table
from pushvar.config.emit import size_bytes
from pushvar.errors import ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.collect.registry.parameters import Change, ParameterTree
    from pushvar.config.schema import Config

_SCHEMA = 1
_COLOURS = {"added": "green", "changed": "yellow", "removed": "red", "unchanged": None}

_EPILOG = """\b
Examples:
  pushvar config push pushvar.yml --to ssm:/pushvar/dev --dry-run   what would change
  pushvar config push pushvar.yml --to ssm:/pushvar/dev"""


@click.command("push", epilog=_EPILOG)
@click.argument("file")
@click.option("--to", "reference", required=True, metavar="ssm:/PATH", help="The tree of parameters.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(file: str, reference: str, dry_run: bool, as_json: bool) -> int:  # noqa: FBT001 - click flags
    """Make a tree of parameters hold the configuration of FILE, and nothing else.

    One parameter for each item, below config/; only what differs is written, what FILE does not have is
    deleted. A mistake in FILE, and nothing is written.
    """
    from pushvar.collect.registry.file import text_of

    tree = parameter_tree(reference, "--to", "write ssm:/pushvar/<stage>")
    found, written, counts = pushed(tree, text_of(file), file, dry_run=dry_run)
    if as_json:
        whole = told(reference, found, dry_run=dry_run, written=written)
        click.echo(json.dumps({"schema": _SCHEMA, **whole}))
        return exit_codes.FINE
    show_changes(reference, found, counts, dry_run=dry_run, written=written)
    return exit_codes.FINE


def pushed(
    tree: ParameterTree, text: str, source: str, *, dry_run: bool
) -> tuple[tuple[Change, ...], bool, str]:
    """Make the tree hold the configuration in ``text``.

    Gives the changes, whether anything was written, and its jobs and targets in words. Raises
    ConfigErrors before anything is written.
    """
    from pushvar.collect.registry.parameters import changes
    from pushvar.config.packing import items_of

    config, items = items_of(text, source=source)
    targets = _targets(config, source)
    stored = tree.read()
    found = changes(stored.items, items)
    written = False
    if not dry_run:
        with progress_bar() as progress:
            written = tree.write(stored, items, progress.done, progress.waits)
    return found, written, f"{counted(len(config.scrape_configs), 'job')}, {counted(targets, 'target')}"


def show_changes(
    reference: str, found: Sequence[Change], counts: str, *, dry_run: bool, written: bool
) -> None:
    """Print what changed, or would."""
    _show(found)
    click.echo(f"{reference}: {counts}; {_sum(found)}")
    fate = "written" if written else "nothing to write"
    click.secho("a dry run: nothing was written" if dry_run else fate, fg="green" if written else None)


def _targets(config: Config, file: str) -> int:
    """How many targets there are. Raises ConfigErrors when two of them would write the same series."""
    from pushvar.collect.registry.ssm import groups_of
    from pushvar.collect.targets import build_targets
    from pushvar.config.problems import rendered

    built = build_targets(config, groups_of(config, lambda path: f"{file}: {rendered(path)}"))
    if built.refused:
        raise ConfigErrors(built.refused)
    return len(built.targets)


def _show(found: Sequence[Change]) -> None:
    rows = [
        (one.kind, one.name, _bytes(one.after), f"was {_bytes(one.before)}" if one.kind == "changed" else "")
        if one.after is not None
        else (one.kind, one.name, _bytes(one.before), "")
        for one in found
        if one.kind != "unchanged"
    ]
    if rows:
        show_table(rows, right=(2, 3), colours=[_COLOURS[kind] for kind, *_ in rows])


def _bytes(value: str | None) -> str:
    return f"{size_bytes(value or ''):,} bytes"


def _sum(found: Sequence[Change]) -> str:
    counts = ((kind, [one for one in found if one.kind == kind]) for kind in _COLOURS)
    return ", ".join(
        f"{len(some):,} {kind}"
        + (f" ({_bytes(''.join(one.after or '' for one in some))})" if kind == "unchanged" else "")
        for kind, some in counts
        if some
    )


def told(reference: str, found: Sequence[Change], *, dry_run: bool, written: bool) -> dict[str, Any]:
    """The same for JSON."""
    changes = [
        {
            "name": one.name,
            "change": one.kind,
            "bytes": None if one.after is None else size_bytes(one.after),
            "bytes_before": None if one.before is None else size_bytes(one.before),
        }
        for one in found
    ]
    return {"to": reference, "dry_run": dry_run, "written": written, "parameters": changes}

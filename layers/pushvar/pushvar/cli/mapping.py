"""``pushvar mapping``: mapping rules tried on payloads, before they go into a configuration."""

from __future__ import annotations

import json
import sys
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pushvar.cli.exit_codes import FINDINGS, FINE
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.app.trial import Trial
    from pushvar.config.mappings import Rules

_SCHEMA = 1
_SHOWN = 5
_EPILOG = """\b
Examples:
  pushvar mapping test rules.yml vars.json
  pushvar mapping test vitess vars1.json vars2.json
  curl -s http://10.0.1.5:8080/debug/vars | pushvar mapping test rules.yml - --json

Exit code 1: a rule that matches nothing in any payload, a wrong shape, a duplicate series."""


@click.group("mapping")
def command() -> None:
    """Try mapping rules; list the ready sets."""


@command.command("list")
def list_sets() -> int:
    """Print the names of the ready rule sets."""
    from pushvar.config.programs import ready_names

    for name in sorted(ready_names()):
        click.echo(name)
    return FINE


@command.command("test", epilog=_EPILOG)
@click.argument("rules")
@click.argument("payloads", nargs=-1, required=True, metavar="PAYLOAD...")
@click.option(
    "--unmatched", type=click.Choice(["auto", "drop"]), default="auto", show_default=True,
    help="What becomes of numbers that no rule takes.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def test(rules: str, payloads: tuple[str, ...], unmatched: str, as_json: bool) -> int:  # noqa: FBT001 - click
    """Print the series that RULES make of each PAYLOAD, and what is wrong.

    RULES is a YAML file with a list of rules or a mappings block, or the name of a ready set; PAYLOAD a
    file, or - for standard input. A ready set serves many versions of its program, so none has all that
    its rules are for.
    """
    from pushvar.app.trial import dead_in_all, scale_warnings, try_rules

    sets = _sets(rules)
    trials = try_rules(sets, unmatched, [(name, _read(name)) for name in payloads])
    dead = () if _is_ready(rules) else dead_in_all(trials)
    warnings = scale_warnings(sets)
    if as_json:
        click.echo(json.dumps(_object(trials, dead, warnings), indent=2))
    else:
        _print(trials, dead, warnings)
    return FINDINGS if dead or any(trial.faults for trial in trials) else FINE


def _is_ready(name: str) -> bool:
    from pushvar.config.programs import ready_names

    return name in ready_names() and not Path(name).exists()


def _sets(name: str) -> tuple[tuple[str, Rules], ...]:
    from pushvar.config.load import load_rules
    from pushvar.config.programs import ready_names, ready_rules

    if _is_ready(name):
        return ((name, ready_rules(name)),)
    try:
        return load_rules(Path(name).read_text("utf-8"), source=name)
    except (OSError, UnicodeDecodeError) as error:
        hint = f"give a YAML file, or one of {', '.join(sorted(ready_names()))}"
        raise ConfigError("RULES", f"{name}: {_why(error)}", hint=hint) from None


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise ConfigError("PAYLOAD", f"{name}: {_why(error)}", hint="give a file, or -") from None


def _why(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "cannot be read" if isinstance(error, OSError) else "is not UTF-8"


def _print(trials: Sequence[Trial], dead: Sequence[str], warnings: Sequence[str]) -> None:
    from pushvar.wire.exposition import text

    for trial in trials:
        sys.stdout.buffer.write(text.encode(trial.families))
        sys.stdout.flush()
        click.secho(
            f"{trial.name}: {trial.samples} samples, {len(trial.families)} families, {trial.by_convention} "
            f"named by convention, {len(trial.unmatched)} values that no rule takes, "
            f"{len(trial.repairs)} repairs",
            err=True, dim=True,
        )  # fmt: skip
        for fault in trial.faults:
            click.secho(f"{trial.name}: {_shown(fault.path)}: {fault.reason}", err=True, fg="red")
        for path in trial.unmatched[:_SHOWN]:
            click.secho(f"{trial.name}: {_shown(path)}: no rule takes it", err=True, fg="yellow")
    for rule in dead:
        click.secho(f"{rule}: matches nothing", err=True, fg="red")
    for warning in warnings:
        click.secho(f"warning: {warning}", err=True, fg="yellow")


def _shown(path: str) -> str:
    return path.encode("utf-8", "replace").decode()


def _object(trials: Sequence[Trial], dead: Sequence[str], warnings: Sequence[str]) -> dict[str, Any]:
    from pushvar.wire.exposition.escape import value_text

    found = [
        {
            "name": trial.name,
            "series": [
                {
                    "name": sample.name,
                    "labels": dict(sample.labels),
                    "value": sample.value if isfinite(sample.value) else value_text(sample.value),
                    "type": one.family.type.value,
                }
                for one in trial.families
                for sample in one.samples
            ],
            "families": len(trial.families),
            "faults": [{"path": fault.path, "reason": fault.reason} for fault in trial.faults],
            "unmatched": list(trial.unmatched),
            "by_convention": trial.by_convention,
            "dead_rules": list(trial.dead_rules),
            "repairs": [{"kind": repair.kind, "place": repair.place} for repair in trial.repairs],
        }
        for trial in trials
    ]
    return {"schema": _SCHEMA, "payloads": found, "dead_rules": list(dead), "warnings": list(warnings)}

"""``pushvar job list``: what a gateway holds, one line for each group."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from pushvar.app.jobs_groups import Groups
from pushvar.app.world import real_world
from pushvar.cli.exit_codes import FINE
from pushvar.cli.job_options import patience_option, to_option
from pushvar.cli.tables import show_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.jobs.batch_groups import HeldGroup

_SCHEMA = 1
_HEADINGS = ("job", "labels", "pushed", "last success", "running", "exit code")
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"))

_EPILOG = """\b
Examples:
  pushvar job list --to http://pushgateway:9091
  pushvar job list --json | jq -r '.groups[] | select(.exit_code > 0) | .labels.job'

\b
What a group does not say is left blank. Exit codes: 0, 2 wrong usage, 4 no answer."""


@click.command("list", epilog=_EPILOG)
@to_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object; times in Unix seconds.")
@patience_option
def command(to: str | None, as_json: bool, patience: float) -> int:  # noqa: FBT001 - a click flag
    """List the groups that a gateway or Pushgateway holds."""
    held = Groups(to, real_world(), patience).held()
    if as_json:
        click.echo(json.dumps({"schema": _SCHEMA, "groups": [_object(group) for group in held]}))
    elif held:
        now_s = time.time()
        rows = [_HEADINGS, *(_row(group, now_s) for group in held)]
        show_table(rows, right=(2, 3, 5), colours=[None, *map(_colour, held)])
    else:
        click.echo("no groups", err=True)
    return FINE


def _object(group: HeldGroup) -> dict[str, object]:
    return {
        "labels": dict(group.labels),
        "pushed": group.pushed_s,
        "last_push_refused": group.refused,
        "last_success": group.success_s,
        "running": group.running,
        "exit_code": group.exit_code,
    }


def _row(group: HeldGroup, now_s: float) -> Sequence[str]:
    labels = " ".join(f"{name}={value}" for name, value in group.others)
    running = "" if group.running is None else ("no", "yes")[group.running]
    pushed = _age(group.pushed_s, now_s) + (", then refused" if group.refused else "")
    code = "" if group.exit_code is None else str(group.exit_code)
    return group.job, labels, pushed, _age(group.success_s, now_s), running, code


def _colour(group: HeldGroup) -> str | None:
    if group.exit_code:
        return "red"
    return "yellow" if group.refused else None


def _age(then_s: float | None, now_s: float) -> str:
    """How long ago, in its two largest units: ``3h5m``."""
    if then_s is None:
        return ""
    left = max(0, round(now_s - then_s))
    parts: list[str] = []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count}{unit}")
    return "".join([*parts, f"{left}s"][:2])

"""``pushvar kit rules``: recording and alerting rules as files for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pushvar.cli import exit_codes
from pushvar.cli.kit_files import deliver, files_options, settings_from

if TYPE_CHECKING:
    from pushvar.kit.settings import KitSettings

_EPILOG = """\b
Examples:
  pushvar kit rules --output rules --config pushvar.yml      a file for each set
  pushvar kit rules --output rules --check                   in a pipeline
  pushvar kit rules outage infra > pushvar-rules.yml         these two as one file
  pushvar kit rules --runbooks https://wiki.example.org/alerts --output rules

\b
Prometheus, Mimir and Amazon Managed Prometheus take the files as they are:
  rule_files: [rules/*.yml]

Every alert has the labels tier, priority (P0 to P3), severity and team: pushvar kit routing routes by them.

Exit code 1: --check found a file that differs, or none."""


@click.command("rules", epilog=_EPILOG)
@click.argument("sets", nargs=-1, metavar="[SET]...")
@files_options
@click.option(
    "--runbooks", metavar="URL", default="",
    help="The page that alerts link to; each has an anchor there. [default: docs/ of the repository]",
)  # fmt: skip
def command(
    sets: tuple[str, ...],
    config: str | None,
    output: str | None,
    check: bool,  # noqa: FBT001 - a click flag
    runbooks: str,
) -> int:
    """Write alert rules: outage, infra, runtime, business, slo, coverage, batch-jobs.

    Without SETs all of them; without --output as one file. Windows follow from the intervals of the
    configuration, objectives from its tiers.
    """
    chosen, settings = _chosen(sets), settings_from(config)
    if output is None and not check:
        click.echo(_one_file(chosen, settings, runbooks), nl=False)
        return exit_codes.FINE
    from pushvar.kit.rules import set_of

    files = {f"{name}.yml": set_of(name, settings, runbooks).text for name in chosen}
    return deliver(files, output, check=check)


def _chosen(sets: tuple[str, ...]) -> tuple[str, ...]:
    from pushvar.kit.rules import names

    for name in sets:
        if name not in names():
            raise click.UsageError(f"there is no set {name!r}; there are {', '.join(names())}")
    return tuple(dict.fromkeys(sets)) or names()


def _one_file(chosen: tuple[str, ...], settings: KitSettings, runbooks: str) -> str:
    from pushvar.kit.rule_files import rule_file
    from pushvar.kit.rules import set_of

    found = [set_of(name, settings, runbooks) for name in chosen]
    if len(found) == 1:
        return found[0].text
    head = (f"Made by `pushvar kit rules {' '.join(chosen)}`.",)
    return rule_file(head, [group for one in found for group in one.groups])

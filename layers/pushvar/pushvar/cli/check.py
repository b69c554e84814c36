"""``pushvar check``: the acceptance gate, for pipelines that start a service and ask whether it ships."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pushvar.cli import exit_codes
from pushvar.cli.values import DURATION
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.collect.registry.protocol import Snapshot
    from pushvar.kit.gate.facts import Facts, Limits
    from pushvar.kit.gate.verdict import Verdict

_SCHEMA = 1

_EPILOG = """\b
Examples:
  pushvar check http://localhost:6060/debug/vars
  pushvar check http://localhost:8080/metrics --tier gold --require app_orders_total
  pushvar check http://localhost:8080/metrics --wait-url http://localhost:8080/readyz --junit gate.xml
  pushvar check --together http://localhost:8080/metrics http://localhost:6060/debug/vars
  pushvar check --config pushvar.yml --job pay-gateway https://pay.test:8080/debug/vars --json

\b
Start the service in the background and call this at once: it asks five times a second for an answer. In
GitHub Actions findings become annotations and a summary; pushvar kit snippet github|gitlab has a whole job.

\b
Exit codes: 0 it ships, 1 a check fails (with --strict also a warning), 2 wrong usage,
3 a URL never answered."""


@click.command("check", epilog=_EPILOG)
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option(
    "--within", type=DURATION, default="5s", show_default=True, help="From the first try to the first answer."
)
@click.option(
    "--timeout", type=DURATION, default="10s", show_default=True, help="How long each URL is asked at all."
)
@click.option(
    "--max-latency", type=DURATION, default="3s", show_default=True, help="How long its page may take."
)
@click.option(
    "--tier",
    default="bronze",
    show_default=True,
    metavar="TIER",
    help="The core set of this tier is demanded.",
)
@click.option(
    "--require", "required", multiple=True, metavar="NAME", help="A metric that has to be there; repeatable."
)
@click.option(
    "--max-series", type=click.IntRange(1), default=2_000, show_default=True, metavar="N", help="Of one URL."
)
@click.option(
    "--together", is_flag=True, help="The URLs are pages of one service: each may leave out what another has."
)
@click.option("--wait-url", metavar="URL", help="Ask this one until it answers 200, before the time begins.")
@click.option("--strict", is_flag=True, help="A warning is a failure.")
@click.option(
    "--config", "-c", metavar="REF", help="TLS, credentials, rules and limits of this configuration."
)
@click.option("--job", metavar="NAME", help="Those of this job of it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of the table.")
@click.option("--quiet", "-q", is_flag=True, help="One line for each failed check, nothing else.")
@click.option("--junit", "junit_file", metavar="FILE", help="Write the results as JUnit XML.")
@click.option(
    "--checklist", "checklist_file", metavar="FILE", help="Write the checklist with the results, as Markdown."
)
@click.option(
    "--annotations", type=click.Choice(["github", "none"]), help="[default: github in GitHub Actions]"
)
def command(  # noqa: PLR0913 - click hands over each option by its name
    *, urls: tuple[str, ...], within: float, timeout: float, max_latency: float, tier: str,
    required: tuple[str, ...], max_series: int, together: bool, wait_url: str | None, strict: bool,
    config: str | None, job: str | None, as_json: bool, quiet: bool, junit_file: str | None,
    checklist_file: str | None, annotations: str | None,
) -> int:  # fmt: skip
    """Ask each URL whether what it shows of its service is good enough to be shipped.

    In time, readable, complete for its tier, not too many series, well named, without secrets.
    """
    from pushvar.cli.check_report import show_quietly, show_verdict
    from pushvar.cli.show import snapshot_of
    from pushvar.kit.gate.facts import Limits
    from pushvar.kit.gate.verdict import verdicts

    snapshot = snapshot_of(config, job)
    limits = Limits(within, max(within, timeout), max_latency, _known(tier, snapshot), required, max_series)
    found = _looked(urls, limits, wait_url, snapshot, job)
    given = verdicts(found, limits, strict=strict, together=together)
    if as_json:
        _print_json(given)
    elif quiet:
        show_quietly(given)
    else:
        for verdict in given:
            show_verdict(verdict)
    _write_files(given, junit_file, checklist_file)
    _annotate(given, annotations, as_json=as_json)
    return _exit_code(given)


def _looked(
    urls: Sequence[str], limits: Limits, wait_url: str | None, snapshot: Snapshot, job: str | None
) -> list[Facts]:
    from pushvar.app.gated import Gate
    from pushvar.app.world import real_world
    from pushvar.cli.check_report import progress_line

    gate = Gate(snapshot, job, limits, real_world())
    if wait_url is not None:
        with progress_line(f"waiting for {wait_url}"):
            said = gate.await_ready(wait_url)
        if said:
            click.secho(
                f"--wait-url: {wait_url} is not ready after {limits.timeout_s:g} s: {said}",
                err=True,
                fg="yellow",
            )
    with progress_line("asking"):
        return list(gate.look(urls))


def _known(tier: str, snapshot: Snapshot) -> str:
    """The tier, if it is one of the configuration's or of the defaults."""
    from pushvar.kit.settings import settings_of

    names = [one.tier for one in settings_of(snapshot.config).objectives]
    if tier not in names:
        raise ConfigError("--tier", f"{tier} is no tier", hint=f"there are {', '.join(names)}")
    return tier


def _print_json(given: Sequence[Verdict]) -> None:
    from pushvar.kit.gate.verdict import as_object

    ships = all(verdict.ships for verdict in given)
    click.echo(json.dumps({"schema": _SCHEMA, "ships": ships, "urls": [as_object(one) for one in given]}))


def _write_files(given: Sequence[Verdict], junit_file: str | None, checklist_file: str | None) -> None:
    from pushvar.cli.report_files import write_files
    from pushvar.kit.gate.junit import junit
    from pushvar.kit.gate.markdown import filled

    write_files(
        {"--junit": junit_file, "--checklist": checklist_file},
        {"--junit": lambda: junit(given), "--checklist": lambda: filled(given)},
    )


def _annotate(given: Sequence[Verdict], wanted: str | None, *, as_json: bool) -> None:
    """Workflow commands on standard output, the checklist into the summary of the run."""
    in_actions = os.environ.get("GITHUB_ACTIONS") == "true"
    if (wanted or ("github" if in_actions else "none")) != "github":
        return
    from pushvar.kit.gate.annotations import workflow_commands
    from pushvar.kit.gate.markdown import filled

    for line in workflow_commands(given):
        click.echo(line, err=as_json)  # standard output then has the one object and nothing else
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        _append(summary, filled(given))


def _append(path: str, content: str) -> None:
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(content)
    except OSError as error:
        raise ConfigError(
            "GITHUB_STEP_SUMMARY", f"{path}: {error.strerror}", hint="unset it, or name a file"
        ) from None


def _exit_code(given: Sequence[Verdict]) -> int:
    if not all(verdict.facts.answered for verdict in given):
        return exit_codes.TARGETS_FAILED
    return exit_codes.FINE if all(verdict.ships for verdict in given) else exit_codes.FINDINGS

"""``pushvar kit rules``: recording and alerting rules as a file for Prometheus."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

import click

from pushvar.cli import exit_codes
from pushvar.errors import ConfigError
from pushvar.kit.batch_rules import RUNBOOKS, batch_rule_file

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}

_EPILOG = """\b
Examples:
  pushvar kit rules --output monitoring/rules/batch-jobs.yml
  pushvar kit rules --output monitoring/rules/batch-jobs.yml --check    in a pipeline
  pushvar kit rules --runbooks https://wiki.example.org/batch-alerts > batch-jobs.yml

\b
Prometheus, Mimir and Amazon Managed Prometheus take the file as it is:
  rule_files: [batch-jobs.yml]

Exit code 1: --check found a file that differs, or none."""


@click.command("rules", epilog=_EPILOG)
@click.option("--output", "-o", metavar="FILE", help="Where to write it. [default: standard output]")
@click.option("--check", is_flag=True, help="Write nothing; show what would change in FILE.")
@click.option(
    "--runbooks", metavar="URL", default=RUNBOOKS, show_default=True,
    help="The page that alerts link to; each has an anchor there.",
)  # fmt: skip
def command(output: str | None, check: bool, runbooks: str) -> int:  # noqa: FBT001 - a click flag
    """Write the alert rules for batch jobs.

    They find missed, failing, long, stuck, overlapping and forgotten jobs of every name, by the interval
    and the timeout that each declares.
    """
    text = batch_rule_file(runbooks)
    if check:
        if output is None:
            raise click.UsageError("--check needs the FILE that --output names")
        return _compare(output, text)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)
    return exit_codes.FINE


def _compare(output: str, text: str) -> int:
    try:
        before = Path(output).read_text("utf-8")
    except FileNotFoundError:
        before = ""
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(output, error, "give a file of rules") from None
    lines = (before.splitlines(), text.splitlines())
    for line in unified_diff(*lines, output, "pushvar kit rules", lineterm=""):
        click.secho(line, fg=_COLOURS.get(line[:1]), bold=line.startswith(("+++", "---")))
    return exit_codes.FINE if before == text else exit_codes.FINDINGS


def _write(output: str, text: str) -> None:
    path = Path(output)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise _unusable(output, error, "give another path") from None


def _unusable(output: str, error: OSError | UnicodeDecodeError, hint: str) -> ConfigError:
    why = error.strerror if isinstance(error, OSError) else "is not UTF-8"
    return ConfigError("--output", f"{output}: {why}", hint=hint)

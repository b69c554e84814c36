"""``pushvar kit dictionary``: every metric that can arrive, what it means, and who looks at it."""

from __future__ import annotations

import click

from pushvar.cli.kit_files import deliver, files_options, settings_from

_FORMS = ("md", "json", "csv")

_EPILOG = """\b
Examples:
  pushvar kit dictionary --output monitoring/dictionary           metrics.md, metrics.json, metrics.csv
  pushvar kit dictionary --output monitoring/dictionary --check   in a pipeline
  pushvar kit dictionary --format json --config pushvar.yml | jq '.metrics[] | select(.core != "")'

Exit code 1: --check found a file that differs, or none."""


@click.command("dictionary", epilog=_EPILOG)
@click.option(
    "--format", "form", type=click.Choice(_FORMS), help="Only this one. [default: all three, with --output]"
)
@files_options
def command(form: str | None, config: str | None, output: str | None, check: bool) -> int:  # noqa: FBT001 - a click flag
    """Write the dictionary of metrics as Markdown, JSON and CSV.

    Name, type, unit, source, how often it comes, meaning, anomaly, what to ask, alerts and panels.
    """
    from pushvar.kit.dictionary.files import dictionary_files

    files = dictionary_files(settings_from(config))
    if form is not None:
        files = {path: text for path, text in files.items() if path.endswith(f".{form}")}
    return deliver(files, output, check=check)

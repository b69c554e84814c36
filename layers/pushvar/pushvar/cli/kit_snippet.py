"""``pushvar kit snippet``: ready pieces for programs, collectors, schedulers and pipelines."""

from __future__ import annotations

import click

from pushvar.cli import exit_codes
from pushvar.cli.tables import show_table
from pushvar.kit.snippets import file_name, snippet, snippet_names, summary

_EPILOG = """\b
Examples:
  pushvar kit snippet                           what there is
  pushvar kit snippet go                        expvar in a Go service, as it should be
  pushvar kit snippet systemd > /etc/systemd/system/pushvar.service
  pushvar kit snippet github > .github/workflows/acceptance.yml

Addresses, names and paths in them are examples: put in your own."""


@click.command("snippet", epilog=_EPILOG)
@click.argument("name", required=False, metavar="[NAME]")
def command(name: str | None) -> int:
    """Print a piece of configuration or code by its NAME, or list them all."""
    if name is None:
        rows = [(one, file_name(one).rpartition(".")[2], summary(one)) for one in snippet_names()]
        show_table([("name", "kind", "what it is"), *rows])
        return exit_codes.FINE
    if name not in snippet_names():
        raise click.UsageError(f"no snippet is called {name!r}; there are {', '.join(snippet_names())}")
    click.echo(snippet(name), nl=False)
    return exit_codes.FINE

"""``pushvar kit checklist``: what the acceptance gate demands, for contracts and for people."""

from __future__ import annotations

import click

from pushvar.cli.kit_files import check_option, deliver, output_option

_EPILOG = """\b
Examples:
  pushvar kit checklist > acceptance.md
  pushvar kit checklist --output monitoring/gate --check
  pushvar check http://localhost:8080/metrics --checklist result.md      the same list with the results

Exit code 1: --check found a file that differs, or none."""


@click.command("checklist", epilog=_EPILOG)
@output_option
@check_option
def command(output: str | None, check: bool) -> int:  # noqa: FBT001 - a click flag
    """Write the checklist of the acceptance gate, an item for each check that it makes."""
    from pushvar.kit.gate.facts import Limits
    from pushvar.kit.gate.markdown import checklist

    return deliver({"checklist.md": checklist(Limits())}, output, check=check)

"""``pushvar config import``: a prometheus.yml brought in, with everything said that cannot be kept."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pushvar.cli import exit_codes
from pushvar.cli.registries import parameter_tree
from pushvar.cli.tables import counted
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from pushvar.collect.registry.parameters import ParameterTree
    from pushvar.config.import_blocks import Remark
    from pushvar.config.import_prometheus import Imported

_SCHEMA = 1
_STDIN = "-"

_EPILOG = """\b
Examples:
  pushvar config import prometheus.yml                     print the result
  pushvar config import prometheus.yml -o pushvar.yml
  pushvar config import prometheus.yml --to ssm:/pushvar/dev --dry-run
  cat prometheus.yml | pushvar config import -

What is skipped changes nothing. Exit code 1: something was left out, or a secret has to be put
where its reference says; with --lenient these are told only."""


@click.command("import", epilog=_EPILOG)
@click.argument("file")
@click.option("--output", "-o", metavar="FILE", help="Where to write it. [default: standard output]")
@click.option("--to", "reference", metavar="ssm:/PATH", help="Push it into this tree of parameters.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@click.option("--lenient", is_flag=True, help="Findings do not stop --to, and give exit code 0.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    file: str,
    output: str | None,
    reference: str | None,
    dry_run: bool,  # noqa: FBT001 - a click flag
    lenient: bool,  # noqa: FBT001 - a click flag
    as_json: bool,  # noqa: FBT001 - a click flag
) -> int:
    """Make a pushvar configuration of a prometheus.yml (FILE, or - for standard input).

    It scrapes what Prometheus scrapes; what pushvar cannot do leaves with its whole job, and is told.
    Secrets in clear text become references to environment variables.
    """
    if output and reference:
        raise ConfigError("--to", "--output is given too", hint="keep one")
    tree = parameter_tree(reference, "--to", "write ssm:/pushvar/<stage>") if reference else None
    imported = _imported(file, output)
    stopped = bool(imported.findings) and not lenient
    done: dict[str, Any] = {}
    if tree is not None and reference is not None:
        done = _push(tree, reference, imported, dry_run=dry_run or stopped, quiet=as_json)
    elif output and not dry_run:
        _write(output, imported.text)
    if as_json:
        click.echo(json.dumps({**_object(file, imported), "output": output, **done}))
    else:
        _tell(imported, print_text=not (output or reference or dry_run))
        if tree is not None and stopped and not dry_run:
            click.secho("nothing was pushed: see above, and add --lenient", err=True, fg="red")
    return exit_codes.FINDINGS if stopped else exit_codes.FINE


def _imported(file: str, output: str | None) -> Imported:
    from pushvar.collect.registry.file import text_of
    from pushvar.config.import_prometheus import import_prometheus

    if file == _STDIN:
        return import_prometheus(sys.stdin.read(), source="stdin")
    folder = ""
    if output:
        own = os.path.relpath(Path(file).parent, Path(output).parent)
        folder = "" if own == "." else own
    return import_prometheus(text_of(file), source=file, folder=folder)


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError("--output", f"{path}: {error.strerror}", hint="give another path") from None


def _push(
    tree: ParameterTree, reference: str, imported: Imported, *, dry_run: bool, quiet: bool
) -> dict[str, Any]:
    from pushvar.cli.config_push import pushed, show_changes, told

    found, written, counts = pushed(tree, imported.text, "the result", dry_run=dry_run)
    if not quiet:
        show_changes(reference, found, counts, dry_run=dry_run, written=written)
    return told(reference, found, dry_run=dry_run, written=written)


def _tell(imported: Imported, *, print_text: bool) -> None:
    if print_text:
        click.echo(imported.text, nl=False)
    for remark in imported.remarks:
        is_finding = remark in imported.findings
        click.secho(str(remark), err=True, fg="yellow" if is_finding else None, dim=not is_finding)
    jobs, backends = imported.config.scrape_configs, imported.config.remote_write
    said = f"{counted(len(jobs), 'job')}, {counted(len(backends), 'backend')}"
    more = "" if backends else "; add remote_write or pushgateways: pushvar has nowhere to send to"
    click.secho(f"{said}; {counted(len(imported.findings), 'finding')}{more}", err=True, bold=True)


def _object(file: str, imported: Imported) -> dict[str, Any]:
    findings = imported.findings
    return {
        "schema": _SCHEMA,
        "source": file,
        "jobs": [job.job_name for job in imported.config.scrape_configs],
        "backends": [one.name for one in imported.config.remote_write],
        "findings": [_remark(one) for one in findings],
        "skipped": [_remark(one) for one in imported.remarks if one not in findings],
        "config": imported.text,
    }


def _remark(remark: Remark) -> dict[str, str]:
    one = remark.error
    return {
        "place": one.place,
        "path": one.path,
        "problem": one.problem,
        "hint": one.hint,
        "fate": remark.fate,
    }

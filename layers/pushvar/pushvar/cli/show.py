"""``pushvar show``: exactly the series that would be sent, and nothing is sent."""

from __future__ import annotations

import sys
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pushvar.app import preview, real_world
from pushvar.catalogue import REPAIRS
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from pushvar.app import Preview
    from pushvar.collect.registry.protocol import Snapshot

_EPILOG = """\b
Examples:
  pushvar show http://10.0.1.5:8080/debug/vars
  curl -s http://10.0.1.5:8080/debug/vars | pushvar show -
  pushvar show vars.json --config pushvar.yml --job pay-gateway --format openmetrics"""

_SCHEMA = 1


@click.command("show", epilog=_EPILOG)
@click.argument("source")
@click.option("--config", "-c", metavar="FILE", help="Labels, rules and limits of this configuration.")
@click.option(
    "--job", metavar="NAME", help="As a target of this job. [default: the one that has it, or the first]"
)
@click.option(
    "--format", "form", type=click.Choice(["text", "openmetrics", "json"]), default="text", show_default=True,
    help="How it is printed.",
)  # fmt: skip
def command(source: str, config: str | None, job: str | None, form: str) -> int:
    """Print the series of SOURCE (a URL, a file or - for standard input) with all their labels."""
    snapshot = _snapshot(config, job)
    name, body = _read(source)
    shown = preview(snapshot, job, name, body, real_world())
    sys.stdout.buffer.write(_render(shown, form))
    sys.stdout.flush()
    for repair in shown.repairs:
        click.secho(f"repaired: {REPAIRS[repair.kind]} ({repair.place})", err=True, fg="yellow")
    return 0


def _snapshot(config: str | None, job: str | None) -> Snapshot:
    if config is not None:
        from pushvar.collect.registry import open_registry

        return open_registry(config).load()
    from pushvar.collect.registry.protocol import Snapshot
    from pushvar.config.load import load

    name = (job or "pushvar").replace("'", "''")
    plain = load(f"scrape_configs: [{{job_name: '{name}'}}]", source="--job")
    return Snapshot(plain, (), plain.version, ())


def _read(source: str) -> tuple[str, bytes | None]:
    """What the source is called, and its body unless it has to be fetched."""
    if source == "-":
        return "stdin", sys.stdin.buffer.read()
    if source.startswith(("http://", "https://")):
        return source, None
    if "://" in source:
        raise ConfigError("SOURCE", f"{source}: only http and https can be fetched")
    try:
        return Path(source).name, Path(source).read_bytes()
    except OSError as error:
        hint = "write http:// before a host name" if ":" in source else "give a URL, a file, or -"
        raise ConfigError("SOURCE", f"{source}: {error.strerror}", hint=hint) from None


def _render(shown: Preview, form: str) -> bytes:
    if form == "text":
        from pushvar.wire.exposition import text

        return text.encode(shown.families)
    if form == "openmetrics":
        from pushvar.wire.exposition import openmetrics

        return openmetrics.encode(shown.families)
    return _json(shown)


def _json(shown: Preview) -> bytes:
    import json

    series = [
        {
            "name": sample.name,
            "labels": dict(sample.labels),
            "value": sample.value if isfinite(sample.value) else str(sample.value),
            "type": group.family.type.value,
            "unit": group.family.unit,
            "help": group.family.help,
        }
        for group in shown.families
        for sample in group.samples
    ]
    skipped = [{"path": one.path, "reason": one.reason} for one in shown.skipped]
    repairs = [{"kind": one.kind, "place": one.place} for one in shown.repairs]
    whole = {
        "schema": _SCHEMA,
        "time_ms": shown.time_ms,
        "series": series,
        "skipped": skipped,
        "repairs": repairs,
    }
    return json.dumps(whole, indent=2).encode() + b"\n"

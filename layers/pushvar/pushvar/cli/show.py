"""``pushvar show``: exactly the series that would be sent, and nothing is sent."""

from __future__ import annotations

import sys
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from pushvar.app.preview import Preview
    from pushvar.collect.registry.protocol import Snapshot

_EPILOG = """\b
Examples:
  pushvar show http://10.0.1.5:8080/debug/vars
  curl -s http://10.0.1.5:8080/debug/vars | pushvar show -
  pushvar show vars.json --config pushvar.yml --job pay-gateway --format openmetrics
  pushvar show vars.json --explain"""

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
@click.option("--explain", is_flag=True, help="Where each series comes from, and what was left out and why.")
def command(source: str, config: str | None, job: str | None, form: str, explain: bool) -> int:  # noqa: FBT001
    """Print the series of SOURCE (a URL, a file or - for standard input) with all their labels."""
    from pushvar.app.preview import preview
    from pushvar.app.world import real_world
    from pushvar.catalogue import REPAIRS

    snapshot = snapshot_of(config, job)
    name, body = _read(source)
    shown = preview(snapshot, job, name, body, real_world())
    sys.stdout.buffer.write(_explained(shown) if explain and form == "text" else _render(shown, form))
    sys.stdout.flush()
    for repair in shown.repairs:
        click.secho(f"repaired: {REPAIRS[repair.kind]} ({repair.place})", err=True, fg="yellow")
    return 0


def snapshot_of(config: str | None, job: str | None) -> Snapshot:
    """The configuration that is named, or one with a single job and the defaults."""
    if config is not None:
        from pushvar.app.world import means_of, real_world
        from pushvar.collect.registry import open_registry

        return open_registry(config, means_of(real_world())).load()
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


def _explained(shown: Preview) -> bytes:
    """A line for each series: name with the payload's own labels, value, path, rule; then the rest."""
    from pushvar.wire.exposition.escape import value_text

    lines = [("series", "value", "from", "by")]
    for one in shown.series:
        own = ",".join(f"{name}={value}" for name, value in one.row.labels)
        name = f"{one.row.name}{{{own}}}" if own else one.row.name
        lines.append((name, value_text(one.value), one.row.path or "the fetch itself", one.row.rule))
    lines += [("", "", "", ""), ("left out", "", "", "why")]
    lines += [(one.path, "", "", one.reason) for one in shown.skipped]
    lines += [(rule, "", "", "a rule that matched nothing") for rule in shown.dead_rules]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    aligned = (f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:<{widths[2]}}  {d}".rstrip() for a, b, c, d in lines)
    return ("\n".join(aligned) + "\n").encode("utf-8", "replace")


def _json(shown: Preview) -> bytes:
    import json

    from pushvar.wire.exposition.escape import value_text

    series = [
        {
            "name": one.row.name,
            "labels": dict(one.labels),
            "value": one.value if isfinite(one.value) else value_text(one.value),
            "type": one.family.type.value,
            "unit": one.family.unit,
            "help": one.family.help,
            "path": one.row.path,
            "rule": one.row.rule,
        }
        for one in shown.series
    ]
    skipped = [{"path": one.path, "reason": one.reason} for one in shown.skipped]
    repairs = [{"kind": one.kind, "place": one.place} for one in shown.repairs]
    whole = {"schema": _SCHEMA, "time_ms": shown.time_ms, "series": series, "skipped": skipped}
    rest = {"repairs": repairs, "dead_rules": list(shown.dead_rules)}
    return json.dumps({**whole, **rest}, indent=2).encode() + b"\n"

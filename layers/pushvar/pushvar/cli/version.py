"""``pushvar version``: what is installed, for bug reports."""

from __future__ import annotations

import platform
import sys

import click

from pushvar import __version__

_PACKAGES = ("protobuf", "python-snappy", "msgspec", "requests", "PyYAML", "boto3")


@click.command("version")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(as_json: bool) -> None:  # noqa: FBT001 - a click flag
    """Print pushvar's version, and those of what it stands on."""
    found = {name: _installed(name) for name in _PACKAGES}
    if as_json:
        import json

        click.echo(json.dumps({"schema": 1, "pushvar": __version__, "python": _python(), "packages": found}))
        return
    click.echo(f"pushvar {__version__}")
    click.echo(f"python {_python()} on {platform.system()} {platform.machine()}")
    click.echo(", ".join(f"{name} {number or 'not installed'}" for name, number in found.items()))


def _python() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _installed(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None

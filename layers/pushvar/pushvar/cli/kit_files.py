"""Files that ``pushvar kit`` makes: written to a folder, compared with what is there, or printed."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pushvar.cli import exit_codes
from pushvar.cli.tables import counted
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pushvar.kit.settings import KitSettings

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}

config_option = click.option(
    "--config", "-c", metavar="REF",
    help="Its intervals and service levels (a file, or ssm:/PATH). [default: 60s, three tiers]",
)  # fmt: skip
output_option = click.option(
    "--output", "-o", metavar="FOLDER", help="Where to write them. [default: standard output, if it is one]"
)
check_option = click.option("--check", is_flag=True, help="Write nothing; show what would change in FOLDER.")


def files_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The three options of each command that makes files."""
    return config_option(output_option(check_option(command)))


def settings_from(config: str | None) -> KitSettings:
    """The kit's settings from a configuration, or its defaults."""
    from pushvar.kit.settings import KitSettings, settings_of

    if config is None:
        return KitSettings()
    from pushvar.app.world import means_of, real_world
    from pushvar.collect.registry import open_registry

    return settings_of(open_registry(config, means_of(real_world())).load().config)


def deliver(files: Mapping[str, str], output: str | None, *, check: bool) -> int:
    """Do with the files (path in the folder -> text) what the options say, and give the exit code.

    Raises ConfigError for a folder that cannot be read or written, UsageError for options that do not fit.
    """
    if check:
        if output is None:
            raise click.UsageError("--check needs the FOLDER that --output names")
        changed = [path for path, text in files.items() if not _same(Path(output) / path, text)]
        return exit_codes.FINDINGS if changed else exit_codes.FINE
    if output is not None:
        for path, text in files.items():
            _write(Path(output) / path, text)
        click.echo(f"wrote {counted(len(files), 'file')} to {output}", err=True)
    elif len(files) == 1:
        click.echo(next(iter(files.values())), nl=False)
    else:
        listed = ", ".join(files)
        raise click.UsageError(f"these are {len(files)} files ({listed}): name a FOLDER with --output")
    return exit_codes.FINE


def _same(path: Path, text: str) -> bool:
    try:
        before = path.read_text("utf-8")
    except FileNotFoundError:
        before = ""
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(path, error, "give the folder of files made before") from None
    lines = (before.splitlines(), text.splitlines())
    for line in unified_diff(*lines, str(path), "pushvar kit", lineterm=""):
        click.secho(line, fg=_COLOURS.get(line[:1]), bold=line.startswith(("+++", "---")))
    return before == text


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise _unusable(path, error, "give another folder") from None


def _unusable(path: Path, error: OSError | UnicodeDecodeError, hint: str) -> ConfigError:
    why = error.strerror if isinstance(error, OSError) else "is not UTF-8"
    return ConfigError("--output", f"{path}: {why}", hint=hint)

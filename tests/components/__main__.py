"""``python -m tests.components [FOLDER]``: bring the programs that the tests run against.

FOLDER is ``.components`` of the checkout unless given. Exit status 0 when every program is there,
1 when one cannot be had: it is named, with the reason and the command that would bring it.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from pushvar.errors import ComponentMissing

from tests.components import (
    COMPONENTS,
    HOME,
    Component,
    checkov,
    debian,
    encoders,
    find,
    golang,
    ministack,
    sam,
)


def main(arguments: list[str]) -> int:
    """Fetch, say what happens line by line, and give the exit status."""
    home = Path(arguments[0]).resolve() if arguments else HOME
    started_s = time.monotonic()
    reasons = debian.fetch(home, say)
    problems = [problem for component in COMPONENTS if (problem := _problem(component, reasons, home))]
    without_go = golang.fetch(say)
    if without_go:
        problems.append(f"go could not be fetched: {without_go}; try: apt-get install golang")
    folders = (sam.SAM, sam.RUNTIME, checkov.CHECKOV, ministack.MINISTACK, *encoders.FOLDERS.values())
    problems += sam.fetch(home, say, folders)
    for problem in problems:
        say(problem)
    if not problems:
        say(f"all programs that the tests need are here ({time.monotonic() - started_s:.1f} s)")
    return 1 if problems else 0


def say(line: str) -> None:
    """Print a line of progress at once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _problem(component: Component, reasons: dict[str, str], home: Path) -> str:
    """Give what to tell about a component that could not be fetched; empty when PATH has its programs."""
    reason = reasons.get(component.name)
    if not reason:
        return ""
    command = f"{'' if os.geteuid() == 0 else 'sudo '}apt-get install {component.packages[-1]}"
    try:
        paths = [str(find(program, home)) for program in component.programs]
    except ComponentMissing:
        return f"{component.name} could not be fetched: {reason}; try: {command}"
    say(f"{component.name} could not be fetched ({reason}); the tests use {', '.join(paths)}")
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

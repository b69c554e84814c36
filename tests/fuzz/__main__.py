"""``python -m tests.fuzz CHECK [libFuzzer options]``: let a coverage-guided fuzzer look for a bad body.

Needs ``pip install atheris``, which is no dependency of the project. New inputs are kept in
``tests/fuzz/corpus/CHECK``; commit those that found something, the suite runs them again for ever.
Stop it with Ctrl-C, or give ``-max_total_time=1800``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pushvar"]):
    import pushvar.convert.expvar.repair
    import pushvar.convert.text  # noqa: F401 - both are imported late, and would not be watched

    from tests.fuzz.checks import CHECKS

_OPTIONS = ("-max_len=65536", "-timeout=10", "-rss_limit_mb=2048")


def main(arguments: list[str]) -> None:
    """Fuzz one check until something breaks or the time is over."""
    name, *options = arguments
    grown = Path(".cache") / "fuzz" / name
    grown.mkdir(parents=True, exist_ok=True)
    kept = Path(__file__).parent / "corpus" / name
    atheris.Setup([sys.argv[0], str(grown), str(kept), *_OPTIONS, *options], CHECKS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])

"""Bodies that a fuzzer started from or found: what must hold for any bytes holds for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.checks import CHECKS

CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus"
CASES = [(name, path) for name in CHECKS for path in sorted((CORPUS / name).iterdir())]


@pytest.mark.parametrize(("check", "path"), CASES, ids=[f"{name}-{path.name}" for name, path in CASES])
def test_a_body_of_the_corpus(check: str, path: Path) -> None:
    """The check that the fuzzer ran."""
    CHECKS[check](path.read_bytes())

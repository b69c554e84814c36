"""The two remote-write encoders on PyPI, from one lock: what the benchmarks compare pushvar's encoder with.

``.components/encoder-<name>`` holds one of them and what it needs, so that neither meets the
other's packages or pushvar's. Each is installed once, and anew when the lock changes.
"""

from __future__ import annotations

from importlib.metadata import distributions
from typing import TYPE_CHECKING

from tests.components import HOME, REPOSITORY
from tests.components.sam import Folder

if TYPE_CHECKING:
    from pathlib import Path

LOCK = REPOSITORY / "requirements" / "encoders.lock"
OPENTELEMETRY, WRITER = "opentelemetry", "writer"
PACKAGES = {
    OPENTELEMETRY: "opentelemetry-exporter-prometheus-remote-write",
    WRITER: "prometheus-remote-writer",
}
FOLDERS = {
    name: Folder(f"encoder-{name}", LOCK, (package,), megabytes=megabytes)
    for (name, package), megabytes in zip(PACKAGES.items(), (15, 45), strict=True)
}


def find_encoder(name: str, home: Path = HOME) -> Path:
    """Give the folder of its packages; raises ComponentMissing."""
    return FOLDERS[name].find(home)


def version(name: str, home: Path = HOME) -> str:
    """Give the version that is installed; raises ComponentMissing."""
    found = distributions(name=PACKAGES[name], path=[str(find_encoder(name, home))])
    return next(iter(found)).version

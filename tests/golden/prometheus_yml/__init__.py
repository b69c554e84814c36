"""Real-world-shaped prometheus.yml files, and what importing each gives.

``expected/<name>.yml`` is the text, ``expected/<name>.txt`` what is said. After a change that is meant,
``python -m tests.golden.prometheus_yml`` writes them anew; read the difference.
"""

from __future__ import annotations

from pathlib import Path

from pushvar.config.import_prometheus import import_prometheus

FOLDER = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.yml")))


def imported(name: str) -> tuple[str, str]:
    """Import a file: the text, and what is said, with ! before a finding."""
    source = f"{name}.yml"
    found = import_prometheus((FOLDER / source).read_text("utf-8"), source=source)
    said = [f"{'!' if remark in found.findings else ' '} {remark}\n" for remark in found.remarks]
    return found.text, "".join(said)


def expected(name: str) -> tuple[Path, Path]:
    """Give the files of the text and of what is said."""
    folder = FOLDER / "expected"
    return folder / f"{name}.yml", folder / f"{name}.txt"


def write() -> None:
    """Write all expected files anew."""
    (FOLDER / "expected").mkdir(exist_ok=True)
    for name in NAMES:
        for path, text in zip(expected(name), imported(name), strict=True):
            path.write_text(text, "utf-8")

"""The commands of docs/deploy.md, as they stand there, for a test to run one after the other.

A fenced block of ``sh`` is a step. A comment on the line before it says what is special:
``<!-- only on AWS: ... -->`` and ``<!-- not here: ... -->`` (with the reason) steps that are left out,
``<!-- answers: ... -->`` one that asks and gets Enter, ``<!-- file: NAME -->`` a block that is a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.components import REPOSITORY

GUIDE = REPOSITORY / "docs" / "deploy.md"

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[a-zA-Z ]+): (?P<said>[^\n]+) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LEFT_OUT = {"only on AWS", "not here"}


@dataclass(frozen=True, slots=True)
class Step:
    """One block: under which heading, what is special about it (``mark``, ``said``), and its text."""

    heading: str
    mark: str
    said: str
    text: str

    @property
    def left_out(self) -> bool:
        """Whether only somebody else can run it."""
        return self.mark in _LEFT_OUT


def steps() -> list[Step]:
    """Give the steps of the guide in their order. Raises AssertionError for a mark that nobody knows."""
    text, found = GUIDE.read_text(), []
    for block in _BLOCK.finditer(text):
        heading = re.findall(r"^## (.+)$", text[: block.start()], re.MULTILINE)[-1]
        step = Step(heading, block["mark"] or "", (block["said"] or "").strip(), block["text"])
        assert step.mark in {"", "answers", "file", *_LEFT_OUT}, step
        assert block["kind"] == "sh" or step.mark == "file", (
            f"a block of {block['kind']} that is no file: {step}"
        )
        found.append(step)
    assert len(found) == text.count("\n```") / 2, "a block that is not read"
    return found

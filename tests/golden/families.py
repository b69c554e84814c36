"""Families of payloads as files, converted and printed.

A folder holds ``payload.json`` (what ``expvar_zoo`` serves), ``expected.txt`` (written by hand from what the
program means, never from our output), ``family.yml`` (the words of a scrape config: ``mappings``, where
``own`` is the ``rules.yml`` beside it, and ``unmatched``).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pushvar.config.load import load_rules
from pushvar.config.programs import ready_rules
from pushvar.convert.converter import Converter
from pushvar.convert.mapping import rule_set
from pushvar.convert.plan import Stamp
from pushvar.model import Target
from pushvar.wire.exposition import FamilySamples, PrintedSample, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pushvar.config.mappings import Rules
    from pushvar.convert.converter import Converted
    from pushvar.convert.mapping.rules import RuleSet
    from pushvar.model import Shape

FOLDER = Path(__file__).parent
FAMILIES = sorted(path.parent.name for path in FOLDER.glob("*/payload.json"))
OWN = "own"
STAMP = Stamp(Target("key", "golden", "http://127.0.0.1/debug/vars", (("job", "golden"),)))


@dataclass(frozen=True, slots=True)
class PayloadFamily:
    """One folder."""

    name: str

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return FOLDER / self.name

    @property
    def payload(self) -> bytes:
        """What the program published."""
        return (self.folder / "payload.json").read_bytes()

    @property
    def expected(self) -> str:
        """The exposition that an expert wrote."""
        return (self.folder / "expected.txt").read_text()

    @property
    def mappings(self) -> list[str]:
        """The names of its rule sets."""
        names: list[str] = self._words["mappings"]
        return names

    @property
    def rules(self) -> RuleSet:
        """The rules, compiled as those of a scrape config."""
        return rule_set([(name, self._rules_of(name)) for name in self.mappings], self._words["unmatched"])

    @property
    def _words(self) -> dict[str, Any]:
        words: dict[str, Any] = yaml.safe_load((self.folder / "family.yml").read_text())
        return words

    def _rules_of(self, name: str) -> Rules:
        if name != OWN:
            return ready_rules(name)
        source = self.folder / "rules.yml"
        ((_, rules),) = load_rules(source.read_text(), source=f"{self.name}/rules.yml")
        return rules


def converted(body: bytes, rules: RuleSet) -> Converted:
    """A document through a converter that has seen nothing."""
    return Converter().convert(STAMP, body, rules)


def exposition(done: Converted) -> str:
    """What it became, in text format 0.0.4, without target labels."""
    return text.encode(_families(done.plan.shape, done.values)).decode()


def _families(shape: Shape, values: bytes) -> Iterator[FamilySamples]:
    samples: list[list[PrintedSample]] = [[] for _ in shape.families]
    for row, value in zip(shape.rows, struct.unpack(f"<{len(shape.rows)}d", values), strict=True):
        samples[row.family].append(PrintedSample(row.name, row.labels, value))
    for family, found in zip(shape.families, samples, strict=True):
        yield FamilySamples(family, tuple(found))


def canonical(document: str) -> list[str]:
    """The lines of an exposition that mean something, in an order of their own: types, then samples.

    Help texts are for people. Values are compared as numbers, so ``1e-05`` is ``0.00001``.
    """
    lines = [line for line in document.splitlines() if line and not line.startswith("# HELP")]
    return sorted(line if line.startswith("#") else _sample(line) for line in lines)


def _sample(line: str) -> str:
    series, value = line.rsplit(" ", 1)
    return f"{series} {float(value)!r}"


def types(document: str) -> dict[str, str]:
    """Family name -> type word of an exposition."""
    lines = (line.split() for line in document.splitlines() if line.startswith("# TYPE"))
    return {name: word for _, _, name, word in lines}


def series(document: str) -> list[str]:
    """The series of an exposition, as they are printed."""
    return [line.rsplit(" ", 1)[0] for line in document.splitlines() if not line.startswith("#")]


def reasons(done: Converted, words: Iterable[str]) -> list[str]:
    """What was skipped for one of these reasons: path and reason."""
    wanted = tuple(words)
    return [f"{one.path}: {one.reason}" for one in done.plan.shape.skipped if one.reason.startswith(wanted)]

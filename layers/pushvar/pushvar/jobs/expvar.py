"""A program's ``/debug/vars`` as a push: decoded and mapped as a scrape is, by the built-in rules.

A Go batch program can push its own document when it ends. What may hold secrets (``cmdline``) is removed
in the decoder, before anything else sees the document.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pushvar.convert.expvar.decode import decode
from pushvar.convert.mapping import built_in
from pushvar.convert.shape import compile_shape
from pushvar.convert.structure import structure
from pushvar.convert.withheld import withheld_rows
from pushvar.errors import BodyRefused, FetchError
from pushvar.wire.exposition import FamilySamples, PrintedSample

if TYPE_CHECKING:
    from pushvar.convert.structure import Structure
    from pushvar.model import Shape

_RULES: Final = built_in("auto")
_SHAPES: Final = 64


def read_expvar(body: bytes) -> tuple[FamilySamples, ...]:
    """The families of an expvar document. Raises BodyRefused for what is none."""
    try:
        document = decode(body)
        shape = _shape(structure(document.values, _RULES.view), document.private)
    except FetchError as error:
        raise BodyRefused(f"the body is no expvar document: {error}") from None
    patterns = shape.read_document(document.values)
    left_out = set(withheld_rows(patterns))
    samples: list[list[PrintedSample]] = [[] for _ in shape.families]
    for place, (row, (value,)) in enumerate(zip(shape.rows, struct.iter_unpack("<d", patterns), strict=True)):
        if place not in left_out:
            samples[row.family].append(PrintedSample(row.name, row.labels, value))
    pairs = zip(shape.families, samples, strict=True)
    return tuple([FamilySamples(family, tuple(own)) for family, own in pairs if own])


@lru_cache(maxsize=_SHAPES)
def _shape(of: Structure, private: tuple[str, ...]) -> Shape:
    """A job pushes documents of one structure, run after run."""
    return compile_shape(of, _RULES, private)

"""Which reader a body is for: what its Content-Type declares, and text 0.0.4 for everything else.

So it is with a Pushgateway, which reads text whatever a client declares: most declare nothing, or what
``curl`` sends by itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pushvar.errors import BodyRefused
from pushvar.jobs.refusals import malformed
from pushvar.wire.exposition.pushed_text import read_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.wire.exposition import FamilySamples

_PROTOBUF: Final = {"proto": "io.prometheus.client.MetricFamily", "encoding": "delimited"}
_PARAMETER = re.compile(r';[ \t]*([^\s=;"]+)=(?:"([^"]*)"|([^\s;"]*))[ \t]*')


def families_of(
    body: bytes, content_type: str, expvar: Callable[[bytes], tuple[FamilySamples, ...]] | None = None
) -> tuple[FamilySamples, ...]:
    """The families of a body that is not compressed any more. Raises Refusal.

    ``expvar`` reads JSON; without it the built-in rules do.
    """
    try:
        return _reader(content_type, expvar)(body)
    except BodyRefused as error:
        raise malformed(str(error)) from None


def _reader(
    content_type: str, expvar: Callable[[bytes], tuple[FamilySamples, ...]] | None
) -> Callable[[bytes], tuple[FamilySamples, ...]]:
    """What reads bodies of this type; who pushes text loads nothing for the others."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/vnd.google.protobuf" and _parameters(content_type).items() >= _PROTOBUF.items():
        from pushvar.wire.exposition.delimited import read_delimited

        return read_delimited
    if kind == "application/openmetrics-text":
        from pushvar.jobs.openmetrics import read_openmetrics

        return read_openmetrics
    if kind == "application/json":
        from pushvar.jobs.expvar import read_expvar

        return expvar or read_expvar
    return read_text


def _parameters(content_type: str) -> dict[str, str]:
    return {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(content_type)}

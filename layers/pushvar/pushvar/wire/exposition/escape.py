"""Names, label sets, values and lines as both exposition formats write them.

Sources: Prometheus "Exposition formats", text format 0.0.4; OpenMetrics 1.0, ABNF. The two differ
in HELP (OpenMetrics escapes quotes too) and in timestamps (milliseconds against seconds).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from pushvar.catalogue import METRIC_NAME
from pushvar.errors import EncodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pushvar.wire.exposition import PrintedSample

_LABEL_NAME: Final = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")  # a leading __ is reserved by the data model
_EXACT: Final = 2**53  # up to here a float holds every integer

_HELP: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})
_QUOTED: Final = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def demand_metric_name(name: str, place: str) -> None:
    """Raise EncodeError unless ``name`` is a legal metric name; ``place`` says whose name it is."""
    if not METRIC_NAME.fullmatch(name):
        raise EncodeError(
            f"{place}: {name!r} is no metric name", hint="letters, digits, _ and : only, no digit first"
        )


def help_text(text: str, place: str) -> str:
    """HELP of the text format. Raises EncodeError for what is not Unicode."""
    return _unicode(text, f"{place}: HELP").translate(_HELP)


def quoted_text(text: str, place: str) -> str:
    """A label value of both formats, and HELP of OpenMetrics. Raises EncodeError."""
    return _unicode(text, place).translate(_QUOTED)


def value_text(value: float) -> str:
    """A value that every parser reads back exactly: integers plain up to 2^53, else shortest."""
    if -_EXACT <= value <= _EXACT and value == int(value):
        return str(int(value)) if value or math.copysign(1, value) > 0 else "-0"
    if math.isfinite(value):
        return repr(float(value))
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"


class PairTexts(dict[tuple[str, str], str]):
    """Label pair -> its text, made when first asked for: pairs repeat from series to series.

    ``place`` is the family that is being printed. A new pair may raise EncodeError.
    """

    place = ""

    def __missing__(self, pair: tuple[str, str]) -> str:
        name, value = pair
        if not _LABEL_NAME.fullmatch(name):
            raise EncodeError(
                f"{self.place}: {name!r} is no label name",
                hint="letters, digits and _ only, no digit and no __ first",
            )
        text = self[pair] = f'{name}="{quoted_text(value, f"{self.place}: label {name}")}"'
        return text


def sample_lines(
    samples: Sequence[PrintedSample], pairs: PairTexts, timestamp: Callable[[int], str]
) -> Iterator[str]:
    """One line for each sample, LF at the end. Raises EncodeError for an illegal label."""
    for sample in samples:
        labels = "{" + ",".join(map(pairs.__getitem__, sample.labels)) + "}" if sample.labels else ""
        moment = "" if sample.timestamp_ms is None else f" {timestamp(sample.timestamp_ms)}"
        yield f"{sample.name}{labels} {value_text(sample.value)}{moment}\n"


def _unicode(text: str, place: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise EncodeError(
            f"{place}: {text!r} cannot be written as UTF-8", hint="replace the lone surrogate"
        ) from error
    return text

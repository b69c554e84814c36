"""What the sender is put through: a page and a receiver for each scene. All run side by side, once."""

from __future__ import annotations

import itertools
import random
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.programs.plain_sender import HANG, Backend, Capture, capture, good
from tests.programs.scripted_receiver import WRITTEN, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.programs.plain_sender import Answer, Script
    from tests.programs.scripted_receiver import Arrived

    Scene = Callable[[str], Capture]

SIDE_BY_SIDE = 12

LONG_VALUE = "v" * 10_240
LONG_NAME = "n" * 400
UNICODE = "héllo 世界 🎉"
HELP = 'First line.\nSecond "line" \\ end'
VALUES = {
    "an_integer": "5",
    "a_float": "1.5",
    "a_zero": "0",
    "a_negative": "-3.25",
    "plus_inf": "+Inf",
    "minus_inf": "-Inf",
    "not_a_number": "NaN",
    "very_large": "1.7976931348623157e+308",
    "very_small": "5e-324",
    "scientific": "1.5e-3",
}
PAGE = "\n".join([
    "# TYPE obs histogram",
    "# HELP obs Observed.",
    'obs_bucket{le="1"} 1',
    'obs_bucket{le="2"} 2',
    'obs_bucket{le="+Inf"} 2',
    "obs_sum 3",
    "obs_count 2",
    "# TYPE lat summary",
    "# HELP lat Waited.",
    'lat{quantile="0.5"} 0.5',
    'lat{quantile="0.9"} 0.9',
    'lat{quantile="0.99"} 0.99',
    "lat_sum 6",
    "lat_count 3",
    "# TYPE unexplained gauge",
    'unexplained{a="1"} 1',
    'unexplained{a="2"} 2',
    'test_empty{a=""} 1',
    'test_repeated{a="1",a="1"} 1',
    '{a="nameless"} 1',
    'test_honored{job="original",instance="foo"} 1',
    'test_twice{a="1"} 1',
    'test_twice{a="1"} 2',
    'test_upper{Zed="z",Abc="a"} 1',
    f'test_unicode{{word="{UNICODE}"}} 1',
    f'test_long{{v="{LONG_VALUE}"}} 1',
    f"{LONG_NAME} 1",
    "job:rule:sum5m 1",
    *(f"{name} {text}" for name, text in VALUES.items()),
])  # fmt: skip


def page(step: int) -> str:
    """Everything at once: a counter that steps, a gauge set to now, a series that vanishes, odd lines."""
    help_text = HELP.replace("\\", "\\\\").replace("\n", "\\n")
    stepping = f"# TYPE stepping counter\n# HELP stepping {help_text}\nstepping {step}"
    now = f"# TYPE now gauge\nnow {time.time()}"
    return "\n".join([stepping, now, "vanishing 1" if step == 0 else "", PAGE, ""])


def plain(step: int) -> str:
    """One series."""
    return f"# TYPE stepping counter\nstepping {step}\n"


def thousand(step: int) -> str:
    """A thousand series."""
    return "".join(f'wide{{n="{number}"}} {step}\n' for number in range(1000))


def huge(_step: int) -> str:
    """Twelve thousand series, with labels of some length."""
    return "".join(
        f'huge{{n="{number}",path="/a/path/of/some/length/{number}"}} {number}\n' for number in range(12_000)
    )


def enough(cycles: int) -> Callable[[Backend], bool]:
    """Whether so many different times were seen and taken."""

    def seen(receiver: Backend) -> bool:
        taken = (got for got in list(receiver.got) if got.status in range(200, 300))
        return len(set().union(*(got.times_ms for got in taken))) >= cycles  # fmt: skip

    return seen


@dataclass
class Refusing:
    """A script: the first request of each cycle is refused, by the next answer; then all is taken."""

    answers: list[Answer]
    refused: set[frozenset[int]] = field(default_factory=set)

    def __call__(self, _number: int, arrived: Arrived) -> Answer:
        """The next refusal, or that all is well."""
        times = frozenset(time_ms for _, time_ms, _ in arrived.samples)
        if times in self.refused or not self.answers:
            return good(arrived)
        self.refused.add(times)
        return self.answers.pop(0)

    def done(self, receiver: Backend) -> bool:
        """Whether all answers were given, and a cycle went by after them."""
        later = set().union(*(got.times_ms for got in list(receiver.got))) - set().union(*self.refused, set())
        return not self.answers and bool(later)


def refusing(*answers: Answer, version: str, **more: Any) -> Capture:
    """A sender whose cycles are refused in turn."""
    script = Refusing(list(answers))
    return capture(plain, script, version=version, until=script.done, for_s=25.0, **more)


def delaying(_number: int, arrived: Arrived) -> Answer:
    """Take everything, after 0 to 1.5 s."""
    time.sleep(random.random() * 1.5)
    return good(arrived)


def slowly(_number: int, arrived: Arrived) -> Answer:
    """Take everything, after 2.5 s: longer than the interval, shorter than any timeout."""
    time.sleep(2.5)
    return good(arrived)


def first_only(reply: Reply) -> Script:
    """Refuse the very first request, then take all."""
    return lambda number, arrived: reply if number == 1 else good(arrived)


def versions_only(version: str, otherwise: Reply) -> Script:
    """Take requests of one version; give another answer to those of the other."""
    return lambda _number, arrived: good(arrived) if arrived.version == version else otherwise


def small_only(_number: int, arrived: Arrived) -> Answer:
    """Take at most three samples in a request, and never the series ``stepping``."""
    names = {dict(labels)["__name__"] for labels, _, _ in arrived.samples}
    return Reply(413) if len(arrived.samples) > 3 or "stepping" in names else good(arrived)


def all_but(name: str) -> Script:
    """Refuse every request with a series of that name, as a receiver of 1.0 does."""
    return lambda _number, arrived: (
        Reply(400, {}, f"out of order sample: {name}")
        if any(("__name__", name) in labels for labels, _, _ in arrived.samples)
        else good(arrived)
    )


def oddly_written(_number: int, arrived: Arrived) -> Answer:
    """Say nonsense of what was written: to 1.0 a number that must be ignored, to 2.0 none."""
    return Reply(204, {WRITTEN.format("Samples"): "0" if arrived.version == "1.0" else "a few"})


def always(reply: Answer) -> Script:
    """The same answer to everything."""
    return lambda _number, _arrived: reply


def requests(count: int) -> Callable[[Backend], bool]:
    """Whether so many requests came."""
    return lambda receiver: len(receiver.got) >= count


def never(_receiver: Backend) -> bool:
    """Until the time is over."""
    return False


def backed_off(version: str) -> Capture:
    """503 for 20 s."""
    return capture(plain, always(Reply(503)), version=version, until=never, for_s=20.0, every="30s")


NO_RETRY = (401, 403, 404, 409)
ROBUST: tuple[Answer, ...] = (
    b"not HTTP at all\r\n\r\n",
    b"",
    b"HTTP/1.1 204 No Con",
    b"HTTP/1.1 500 Cut\r\nContent-Length: 100\r\n\r\nhalf",
    Reply(500, {}, "x" * 1_000_000),
)
ODD = (Reply(999, {}, "what?"), Reply(202), Reply(299))
MILLION = ROBUST[-1]

SCENES: dict[str, Scene] = {
    "page": lambda version: capture(page, lambda _n, one: good(one), version=version, until=enough(5)),
    "unparsable": lambda version: capture(
        lambda _: "<html>no metrics</html>", lambda _n, one: good(one), version=version, until=enough(2)
    ),
    "empty": lambda version: capture(
        lambda _: "", lambda _n, one: good(one), version=version, until=enough(3)
    ),
    "ordering": lambda version: capture(
        thousand, delaying, version=version, until=enough(4), for_s=20.0, every="2s"
    ),
    "retry": lambda version: refusing(*(Reply(status) for status in (500, 502, 503, 504)), version=version),
    "429": lambda version: refusing(Reply(429, {"Retry-After": "1"}), version=version, every="5s"),
    "first 500": lambda version: capture(
        plain, first_only(Reply(500)), version=version, until=enough(2), every="4s"
    ),
    "first 400": lambda version: capture(
        plain, first_only(Reply(400, {}, "bad")), version=version, until=enough(2)
    ),
    "no retry": lambda version: refusing(*(Reply(status) for status in NO_RETRY), version=version),
    "always 400": lambda version: capture(plain, always(Reply(400)), version=version, until=never, for_s=4.0),
    "413": lambda version: capture(plain, small_only, version=version, until=enough(3)),
    "503": backed_off,
    "huge": lambda version: capture(
        huge, lambda _n, one: good(one), version=version, until=enough(3), every="3s"
    ),
    "one bad": lambda version: capture(page, all_but("lat_sum"), version=version, until=enough(3)),
    "odd written": lambda version: capture(plain, oddly_written, version=version, until=enough(3)),
    "slow": lambda version: capture(plain, slowly, version=version, until=requests(4), for_s=15.0),
    "robust": lambda version: refusing(*ROBUST, version=version),
    "odd": lambda version: refusing(*ODD, version=version),
    "hang": lambda version: capture(
        plain,
        lambda number, one: HANG if number == 1 else good(one),
        version=version,
        until=enough(2),
        every="2s",
    ),
    "refused": lambda version: capture(
        plain, always(HANG), version=version, until=never, for_s=4.0, url="http://127.0.0.1:1/api/v1/write"
    ),
    "no name": lambda version: capture(
        plain, always(HANG), version=version, until=never, for_s=4.0, url="http://nobody.invalid/api/v1/write"
    ),
}
FALLBACK: dict[str, Script] = {
    "415": versions_only("1.0", Reply(415)),
    "400": versions_only("1.0", Reply(400)),
    "unwritten": versions_only("1.0", Reply(204)),
    "written": lambda _number, arrived: good(arrived),
}


def fallback(name: str) -> Capture:
    """A sender that tries 2.0 before a receiver that takes 1.0 only, or not only."""
    return capture(plain, FALLBACK[name], version="auto", until=enough(3))


class Captures:
    """Every scene in every version, begun at once and waited for when a test wants it."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE)
        longest_first = sorted(SCENES, key=lambda name: name not in ("503", "ordering", "robust", "retry"))
        self._found: dict[tuple[str, str], Future[Capture]] = {
            (name, version): self._pool.submit(SCENES[name], version)
            for name, version in itertools.product(longest_first, ("1.0", "2.0"))
        }
        for name in FALLBACK:
            self._found[name, "auto"] = self._pool.submit(partial(fallback, name))

    def of(self, name: str, version: str) -> Capture:
        """What a scene gave; at least one request was captured, and the sender ended well."""
        found = self._found[name, version].result()
        assert found.code == 0, found.err
        assert found.got or name in ("refused", "no name"), found.out
        return found

    def close(self) -> None:
        """Wait for what is still under way."""
        self._pool.shutdown(cancel_futures=True)

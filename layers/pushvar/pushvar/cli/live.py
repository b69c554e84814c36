"""The demo's table in the terminal: each target with a few of its numbers, redrawn every cycle."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pushvar.cli.reporting import delivered

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from pushvar.model import Report, Scrape

_VALUE = struct.Struct("<d")
_MIB = 1024 * 1024
_SHOWN: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("goroutines", "go_goroutines", lambda value: f"{value:.0f}"),
    ("heap in use", "go_memstats_heap_inuse_bytes", lambda value: f"{value / _MIB:.1f} MiB"),
    ("GCs", "go_gc_duration_seconds_count", lambda value: f"{value:.0f}"),
    ("orders", "orders_placed_total", lambda value: f"{value:,.0f}"),
)


def value_of(scrape: Scrape, name: str) -> float | None:
    """The value of the first series of that name in a scrape; None when it has none."""
    names = (row.name for row in scrape.plan.shape.rows)
    index = next((index for index, found in enumerate(names) if found == name), None)
    if index is None or scrape.reason != "ok":
        return None
    value: float = _VALUE.unpack_from(scrape.values, index * _VALUE.size)[0]
    return value


class LiveTable:
    """A context manager that owns the screen while it lasts."""

    def __init__(self, page: str, console: Console | None = None) -> None:
        self._page = page
        self._console = console or Console()
        self._live = Live(Text("waiting for the first cycle"), console=self._console, auto_refresh=False)
        self._cycles = self._sent = 0

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def cycle(self, report: Report) -> None:
        """Redraw with what the cycle found."""
        self._cycles += 1
        self._sent += sum(delivery.sent + delivery.replayed for delivery in report.deliveries)
        self._live.update(Group(_targets(report), self._foot(report)), refresh=True)

    def _foot(self, report: Report) -> Text:
        text = Text()
        for delivery in report.deliveries:
            kept = delivery.spooled or delivery.waiting
            error = f": {delivery.error}" if delivery.error and (delivery.lost or kept) else ""
            text.append(
                f"{delivery.backend}: {delivered(delivery, report.started_ms)} "
                f"in {delivery.requests} requests, {delivery.wire_bytes:,} bytes{error}\n",
                style="red" if delivery.lost else "yellow" if kept else "",
            )
        text.append(f"{self._cycles} cycles, {self._sent:,} samples sent; the last took ", style="dim")
        text.append(f"{report.duration_s * 1000:.0f} ms\n", style="dim")
        text.append("page  ").append(f"{self._page}/", style="bold underline").append("   Ctrl-C ends\n")
        return text


def _targets(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("target", "customer", "tier", "health"):
        table.add_column(heading)
    for heading in ("samples", "fetch", *(heading for heading, _, _ in _SHOWN)):
        table.add_column(heading, justify="right")
    for scrape in sorted(report.scrapes, key=lambda scrape: scrape.plan.target.url):
        labels = dict(scrape.plan.target.labels)
        ok = scrape.reason == "ok"
        health = Text("up", style="green") if ok else Text(f"down: {scrape.reason}", style="red")
        values = [(value_of(scrape, name), form) for _, name, form in _SHOWN]
        table.add_row(
            labels["instance"],
            labels["customer_id"],
            labels["sla_tier"],
            health,
            str(scrape.samples),
            f"{scrape.duration_s * 1000:.1f} ms",
            *("" if value is None else form(value) for value, form in values),
        )
    return table

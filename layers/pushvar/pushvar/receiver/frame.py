"""What every page of the receiver shares: its head, its foot, the words for states."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from pushvar import __version__
from pushvar.receiver.markup import Markup, document, el, join
from pushvar.receiver.units import clock_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushvar.receiver.store import Store

DEFAULT_REFRESH_S = 5
MAX_REFRESH_S = 3600
_MAX_DIGITS = 9
_PAGES = (("/", "Overview"), ("/requests", "Requests"))


@dataclass(frozen=True, slots=True)
class View:
    """What a page is made from: the store, the time, the receiver's own address, the parameters given."""

    store: Store
    now_ms: int
    write_url: str
    retention_s: float
    path: str = "/"
    parameters: Mapping[str, str] = field(default_factory=dict)

    def refresh_s(self, default: int = 0) -> int:
        """The seconds between reloads, 0 for none; anything that is no number gives the default."""
        text = self.parameters.get("refresh", "")[:_MAX_DIGITS]
        return min(int(text), MAX_REFRESH_S) if text.isascii() and text.isdigit() else default

    def link(self, path: str, **changed: object) -> str:
        """A link to a page with the parameters of this view, some of them changed; None drops one."""
        merged = {**self.parameters, **changed}
        query = urlencode({name: value for name, value in merged.items() if value not in {None, ""}})
        return f"{path}?{query}" if query else path


def page(view: View, title: str, *content: Markup, default_refresh_s: int = 0) -> str:
    """A whole document: head, content, foot."""
    refresh_s = view.refresh_s(default_refresh_s)
    links = [
        el("a", word, href=path, aria_current="page" if path == view.path else None) for path, word in _PAGES
    ]
    head = el(
        "header",
        el("a", _mark(), el("span", "pushvar", class_="name"), " receiver", href="/", class_="brand"),
        el("nav", *links, aria_label="Pages"),
        _refresh_control(view, refresh_s),
    )
    foot = el(
        "footer",
        f"pushvar {__version__}. Remote write 1.0 and 2.0 at ",
        el("code", view.write_url),
        f". Keeps {duration_text(view.retention_s)}.",
    )
    return document(f"{title} · pushvar receiver", join(head, el("main", *content), foot), refresh_s)


def state(word: str, kind: str) -> Markup:
    """A word with a coloured mark; ``kind`` is good, bad, warn or calm. The word alone says it too."""
    return el("span", word, class_=f"state {kind}")


def duration_text(seconds: float) -> str:
    """A length of time in its largest whole unit."""
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {word}{'s' * (count != 1)}"
    return f"{seconds:g} seconds"


def plural(count: int, word: str) -> str:
    """A count with its word: 1 request, 1,200 requests."""
    return f"{count:,} {word}{'s' * (count != 1)}"


def _mark() -> Markup:
    line = el("path", d="M2 15l5-6 4 4 7-10", class_="line")
    return el("svg", line, class_="mark", viewBox="0 0 20 20", aria_hidden="true")


def _refresh_control(view: View, refresh_s: int) -> Markup:
    if refresh_s:
        words, link, action = f"every {refresh_s} s", view.link(view.path, refresh=0), "pause"
    else:
        words, link, action = "not refreshing", view.link(view.path, refresh=DEFAULT_REFRESH_S), "resume"
    at = el("span", f"{clock_text(view.now_ms)}, {words} ", class_="dim")
    return el("p", at, el("a", action, href=link), class_="refresh")


def table(
    heads: Sequence[str], rows: Sequence[Markup], numeric: Sequence[str] = (), *, stack: bool = False
) -> Markup:
    """A table that scrolls by itself when it is wider than the page; ``stack`` piles its cells on a phone."""
    cells = [el("th", head, scope="col", class_="number" if head in numeric else None) for head in heads]
    body = el("table", el("thead", el("tr", *cells)), el("tbody", *rows), class_="stack" if stack else None)
    return el("div", body, class_="scroll", tabindex=0)

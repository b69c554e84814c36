"""Go source that starts an HTTP server and shows no metrics: a search by words, not a compiler.

What it cannot know: a server that a library starts, a mux that is made elsewhere, code behind build tags,
dead code. Metrics are looked for in the package that starts the server and in those whose folders it stands
in: a program that imports expvar anywhere has its handler at the default mux.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NOISE = re.compile(
    r"//[^\n]*|/\*.*?\*/|`[^`]*`" + r'|"(?:[^"\\\n]|\\.)*"' + r"|'(?:[^'\\\n]|\\.)*'", re.DOTALL
)
_IMPORTED = re.compile(r"import\s*(?:\(([^)]*)\)|([^\n(]+))")
_SERVES = re.compile(
    r"\bhttp\.(?:ListenAndServe|ListenAndServeTLS|Serve|ServeTLS)\s*\(|&?\bhttp\.Server\s*\{"
    r"|\.ListenAndServe(?:TLS)?\s*\("
)
_SHOWS = re.compile(
    r"\bpromhttp\.\w+\s*\(|\bexpvar\.Handler\s*\("
    r"|\b(?:prometheus\.)?(?:MustRegister|Register)\s*\([^)]*\bcollectors\.New"
)
_PATH = re.compile(r'"([^"\n]+)"')

HINT = 'add import _ "expvar" and serve http.DefaultServeMux, or promhttp.Handler(), in main'
"""The next step for every finding."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A place that starts a server: the file, the line (from 1), and what stands there."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class SourceAudit:
    """How many files were read, how many start a server, and those that show no metrics."""

    files: int
    serving: int
    silent: tuple[Serving, ...]


@dataclass(frozen=True, slots=True)
class _File:
    folder: PurePosixPath
    serves: tuple[Serving, ...]
    shows: bool


def search(files: Iterable[tuple[str, str]]) -> SourceAudit:
    """Search Go files (path with slashes, text); tests are left out."""
    read = [_read(path, text) for path, text in files if not path.endswith("_test.go")]
    shown = {one.folder for one in read if one.shows}
    serving = [one for one in read if one.serves]
    silent = (one for one in serving if not _shown(one.folder, shown))
    found = sorted((place for one in silent for place in one.serves), key=lambda one: (one.path, one.line))
    return SourceAudit(len(read), len(serving), tuple(found))


def _shown(folder: PurePosixPath, shown: set[PurePosixPath]) -> bool:
    """Whether the package, or one that it stands in, shows metrics."""
    return folder in shown or any(above in shown for above in folder.parents)


def _read(path: str, text: str) -> _File:
    code = _NOISE.sub(_blank, text)
    serves = tuple(_serves(path, code, text)) if "net/http" in set(_imports(text)) else ()
    shows = "expvar" in set(_imports(text)) or _SHOWS.search(code) is not None
    return _File(PurePosixPath(path).parent, serves, shows)


def _serves(path: str, code: str, text: str) -> Iterator[Serving]:
    lines = text.split("\n")
    known = set()
    for found in _SERVES.finditer(code):
        line = code.count("\n", 0, found.start()) + 1
        if line not in known:
            known.add(line)
            yield Serving(path, line, lines[line - 1].strip())


def _imports(text: str) -> Iterator[str]:
    """The import paths, comments left out."""
    code = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)
    for many, one in _IMPORTED.findall(code):
        yield from _PATH.findall(many or one)


def _blank(found: re.Match[str]) -> str:
    """The same lines with nothing on them, so that places stay."""
    return re.sub(r"[^\n]", " ", found[0])

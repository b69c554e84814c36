"""file_sd_configs: files with target groups, looked at, not watched.

A file whose mtime, size and inode are as before is not read again. A file that cannot be used keeps its
previous content and is reported; one that is gone takes its targets with it (Prometheus' rules:
discovery/file).
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from pushvar.collect.text_file import TextFile, read, unreadable
from pushvar.config.load import load_groups
from pushvar.errors import ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pushvar.collect.discovery.protocol import Means, Source
    from pushvar.config.schema import Config, FileGroup, FileSdConfig, ScrapeConfig, Tenancy
    from pushvar.errors import ConfigError


_PATH_LABEL: Final = "__meta_filepath"
"""On every group, for relabelling: the file it stands in."""


def source(means: Means) -> Source:
    """All file_sd configs of a configuration."""
    return _TargetFiles(means.monotonic)


@dataclass(slots=True)
class _TargetFile:
    """One file_sd file: its last usable content, and why its present one is not usable."""

    text: TextFile | None = None
    groups: tuple[FileGroup, ...] = ()
    problems: tuple[ConfigError, ...] = ()

    def look(self, path: str, tenancy: Tenancy) -> None:
        """Read the file if it changed. Content that cannot be used changes no targets; no file has none."""
        known, self.text = self.text, None
        try:
            self.text = read(path, known)
            if known is None or self.text.digest != known.digest:
                groups = load_groups(self.text.text, source=path, tenancy=tenancy)
                self.groups = tuple(_with_path(group, path) for group in groups)
                self.problems = ()
        except FileNotFoundError as error:
            self.groups, self.problems = (), unreadable(path, error).problems
        except ConfigErrors as errors:
            self.problems = errors.problems


def _with_path(group: FileGroup, path: str) -> FileGroup:
    labels = {**dict(group.labels), _PATH_LABEL: path}
    return msgspec.structs.replace(group, labels=tuple(sorted(labels.items())))


@dataclass(slots=True)
class _Listing:
    """The files that one file_sd config names, and when to look again (monotonic seconds)."""

    paths: tuple[str, ...] = ()
    problems: tuple[ConfigError, ...] = ()
    look_again_s: float = float("-inf")

    def renew(self, patterns: Iterable[str]) -> None:
        """Find the files anew. A folder that cannot be listed keeps the files that were found in it."""
        paths: list[str] = []
        problems: list[ConfigError] = []
        for pattern in patterns:
            folder, name = Path(pattern).parent, Path(pattern).name
            try:
                names = [entry.name for entry in folder.iterdir()] if "*" in name else []
                paths += sorted(str(folder / found) for found in names if fnmatchcase(found, name))
                paths += [] if "*" in name else [str(folder / name)]
            except OSError as error:
                problems += unreadable(str(folder), error).problems
                if not isinstance(error, FileNotFoundError):
                    paths += [path for path in self.paths if Path(path).parent == folder]
        self.paths, self.problems = tuple(dict.fromkeys(paths)), tuple(problems)


class _TargetFiles:
    """All file_sd files of a configuration."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._tenancy: Tenancy | None = None
        self._listings: dict[FileSdConfig, _Listing] = {}
        self._files: dict[str, _TargetFile] = {}

    def refresh(self, config: Config) -> bool:
        """Look at the files whose time has come; says whether any content or problem changed.

        Where something was wrong it looks every time. Other tenancy rules read everything anew: what
        the old rules allowed is no previous content under the new ones.
        """
        before = self._state()
        if self._tenancy != config.tenancy:
            self._listings, self._files, self._tenancy = {}, {}, config.tenancy
        wanted = dict.fromkeys(group for job in config.scrape_configs for group in job.file_sd_configs)
        self._listings = {group: self._listings.get(group) or _Listing() for group in wanted}
        now_s = self._monotonic()
        for group, listing in self._listings.items():
            if now_s >= listing.look_again_s or self._troubled(listing):
                listing.renew(group.files)
                listing.look_again_s = now_s + group.refresh_interval.s
                for path in listing.paths:
                    self._files.setdefault(path, _TargetFile()).look(path, config.tenancy)
        named = {path for listing in self._listings.values() for path in listing.paths}
        self._files = {path: file for path, file in self._files.items() if path in named}
        return self._state() != before

    def of(self, job: ScrapeConfig) -> Iterator[tuple[str, FileGroup]]:
        """The groups of each file that the job names, once."""
        blocks = job.file_sd_configs
        for path in dict.fromkeys(path for block in blocks for path in self._listings[block].paths):
            for position, group in enumerate(self._files[path].groups):
                yield f"{path}[{position}]", group

    def problems(self) -> tuple[ConfigError, ...]:
        """What is wrong with folders and files now."""
        listings, files = self._listings.values(), self._files.values()
        return (
            *(problem for listing in listings for problem in listing.problems),
            *(problem for file in files for problem in file.problems),
        )

    def unheard(self) -> tuple[str, ...]:
        """None: a file that is not there has no targets."""
        return ()

    def _troubled(self, listing: _Listing) -> bool:
        return bool(listing.problems) or any(self._files[path].problems for path in listing.paths)

    def _state(self) -> object:
        """What is equal as long as nothing changed for a reader."""
        groups = {path: file.groups for path, file in self._files.items()}
        return groups, [str(problem) for problem in self.problems()]

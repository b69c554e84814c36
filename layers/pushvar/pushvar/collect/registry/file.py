"""The registry in files: a configuration, and the file_sd files that it names.

Files are looked at, not watched: a file whose mtime, size and inode are as before is not read
again. A file_sd file that cannot be used keeps its previous content and is reported; one that is
gone takes its targets with it (Prometheus' rules: discovery/file). Relative paths begin at the
configuration's folder.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from pushvar.collect.registry._snapshots import snapshot, target_group
from pushvar.collect.registry._text_file import TextFile, read, unreadable
from pushvar.config.load import load, load_groups
from pushvar.errors import ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pushvar.collect.registry.protocol import Snapshot, TargetGroup
    from pushvar.config.schema import Config, FileGroup, FileSdConfig, Tenancy
    from pushvar.errors import ConfigError


def registry(location: str) -> FileRegistry:
    """The registry of one configuration file; ``location`` is its path."""
    return FileRegistry(location)


def text_of(path: str) -> str:
    """The text of a configuration file. Raises ConfigErrors when it cannot be read."""
    try:
        return read(path, None).text
    except FileNotFoundError as error:
        raise unreadable(path, error) from None


class FileRegistry:
    """A configuration file and the files of targets that it names. One thread at a time may load it.

    ``monotonic`` gives seconds and decides when a file_sd config's refresh_interval has passed.
    """

    def __init__(self, path: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._text: TextFile | None = None
        self._config: Config | None = None
        self._refused: tuple[ConfigError, ...] = ()
        self._target_files = _TargetFiles(monotonic)
        self._snapshot: Snapshot | None = None

    def load(self) -> Snapshot:
        """The configuration and its targets as the files have them now; see ``Registry.load``."""
        config = self._load_config()
        changed = self._target_files.refresh(config)
        if self._snapshot is None or changed or self._snapshot.config is not config:
            self._snapshot = snapshot(config, self._groups(config), self._target_files.problems())
        return self._snapshot

    def _load_config(self) -> Config:
        try:
            text = read(self._path, self._text)
        except FileNotFoundError as error:
            raise unreadable(self._path, error) from None
        if self._text is None or text.digest != self._text.digest:
            self._config, self._refused = None, ()
            try:
                self._config = load(text.text, source=self._path, directory=str(Path(self._path).parent))
            except ConfigErrors as errors:
                self._refused = errors.problems
        self._text = text
        if self._config is None:
            raise ConfigErrors(self._refused)
        return self._config

    def _groups(self, config: Config) -> Iterator[TargetGroup]:
        for index, job in enumerate(config.scrape_configs):
            for position, group in enumerate(job.static_configs):
                yield target_group(job, f"scrape_configs[{index}].static_configs[{position}]", group)
            for path, groups in self._target_files.of(job.file_sd_configs):
                for position, found in enumerate(groups):
                    yield target_group(job, f"{path}[{position}]", found)


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
                self.groups = load_groups(self.text.text, source=path, tenancy=tenancy)
                self.problems = ()
        except FileNotFoundError as error:
            self.groups, self.problems = (), unreadable(path, error).problems
        except ConfigErrors as errors:
            self.problems = errors.problems


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

    def of(self, groups: Iterable[FileSdConfig]) -> Iterator[tuple[str, tuple[FileGroup, ...]]]:
        """Each file that the file_sd configs name, once, with its target groups."""
        for path in dict.fromkeys(path for group in groups for path in self._listings[group].paths):
            yield path, self._files[path].groups

    def problems(self) -> tuple[ConfigError, ...]:
        """What is wrong with folders and files now."""
        listings, files = self._listings.values(), self._files.values()
        return (
            *(problem for listing in listings for problem in listing.problems),
            *(problem for file in files for problem in file.problems),
        )

    def _troubled(self, listing: _Listing) -> bool:
        return bool(listing.problems) or any(self._files[path].problems for path in listing.paths)

    def _state(self) -> object:
        """What is equal as long as nothing changed for a reader."""
        groups = {path: file.groups for path, file in self._files.items()}
        return groups, [str(problem) for problem in self.problems()]

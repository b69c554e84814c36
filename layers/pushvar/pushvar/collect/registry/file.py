"""The registry in files: a configuration, and what its jobs discover.

The configuration is looked at, not watched: while its mtime, size and inode are as before it is not read
again. Relative paths in it begin at its folder.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pushvar.collect.discovery import Means
from pushvar.collect.registry._snapshots import Assembly
from pushvar.collect.text_file import TextFile, read, unreadable
from pushvar.config.load import load
from pushvar.config.problems import rendered
from pushvar.errors import ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.collect.registry.protocol import Snapshot
    from pushvar.config.schema import Config
    from pushvar.errors import ConfigError


def registry(location: str, means: Means) -> FileRegistry:
    """The registry of one configuration file; ``location`` is its path."""
    return FileRegistry(location, means=means, monotonic=means.monotonic)


def text_of(path: str) -> str:
    """The text of a configuration file. Raises ConfigErrors when it cannot be read."""
    try:
        return read(path, None).text
    except FileNotFoundError as error:
        raise unreadable(path, error) from None


class FileRegistry:
    """A configuration file and what its jobs discover. One thread at a time may load it.

    ``monotonic`` gives seconds and decides when a refresh_interval has passed; ``means`` are those of the
    discovery.
    """

    def __init__(
        self, path: str, *, means: Means | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._text: TextFile | None = None
        self._config: Config | None = None
        self._refused: tuple[ConfigError, ...] = ()
        self._assembly = Assembly(replace(means or Means(), monotonic=monotonic))

    def load(self) -> Snapshot:
        """The configuration and its targets as they are now; see ``Registry.load``."""
        return self._assembly.snapshot(self._load_config(), rendered)

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

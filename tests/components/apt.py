"""apt with a state of its own: it fetches packages without root and changes nothing on the machine.

The lists, the cache and an empty package database lie in one folder; the package sources and their
keys are the machine's. So fresh lists are not needed, every package is verified as always, and the
empty database makes apt name all that a program depends on, whatever happens to be installed here.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

APT_CONF = """\
Dir::State "{apt}/state";
Dir::State::status "{apt}/status";
Dir::Cache "{apt}/cache";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Dir::Log "{apt}/log";
Debug::NoLocking "true";
// apt's own unprivileged user could not write into a checkout
APT::Sandbox::User "root";
// without it, apt calls an update fine that fetched nothing because the network is down
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
// what the machine does after updates of its own, and indexes that nobody reads here
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::Contents-deb;
#clear Acquire::IndexTargets::deb::CNF;
"""


class NotFetched(Exception):
    """Something cannot be had here; the text says why."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package as apt offers it."""

    name: str
    version: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Apt:
    """apt with a state of its own under ``folder``."""

    folder: Path

    @classmethod
    def prepared(cls, folder: Path, say: Callable[[str], None]) -> Apt:
        """Make the state and read the machine's package sources into it.

        Raises NotFetched on a machine without apt. A source that cannot be read is only told: what
        is needed may stand in another.
        """
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            raise NotFetched("it comes as a Debian package, and this machine has no apt-get")
        for inside in ("state/lists/partial", "cache/archives/partial", "log"):
            (folder / inside).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "apt.conf").write_text(APT_CONF.format(apt=folder))
        apt = cls(folder)
        say("reading the package sources of this machine")
        try:
            apt.get("update")
        except NotFetched as error:
            say(f"a package source cannot be read: {error}")
        return apt

    @property
    def archives(self) -> Path:
        """The folder that packages are downloaded to."""
        return self.folder / "cache" / "archives"

    def get(self, *arguments: str) -> str:
        """Run apt-get and give its output; raises NotFetched with its last words when it fails."""
        return run(["apt-get", "-qq", "-c", str(self.folder / "apt.conf"), *arguments], folder=self.archives)

    def offer(self, name: str) -> Package:
        """Give the version of a package that apt would take."""
        return _listed(self.get("download", "--print-uris", name))[0]

    def closure(self, names: Sequence[str]) -> list[Package]:
        """Give the packages and everything they depend on, as on a machine that has nothing yet."""
        return _listed(self.get("install", "--print-uris", "-y", "--no-install-recommends", *names))

    def download(self, packages: Sequence[Package]) -> list[Path]:
        """Fetch packages; apt checks each against the signed lists."""
        self.get("download", *(f"{each.name}={each.version}" for each in packages))
        archives = sorted(self.archives.glob("*.deb"))
        if len(archives) != len(packages):
            raise NotFetched(f"apt-get fetched {len(archives)} of {len(packages)} packages")
        return archives


def _listed(output: str) -> list[Package]:
    """Read what ``--print-uris`` prints for each package: ``'URI' name_version_arch.deb size hash``."""
    found = []
    for line in output.splitlines():
        if line.startswith("'"):
            _, file, size, *_ = line.split()
            name, version, _ = file.split("_", 2)
            found.append(Package(name, unquote(version), int(size)))
    return found


def run(command: Sequence[str], *, folder: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a command to its end and give its output; raises NotFetched with its last words."""
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.splitlines()
        words = [line.removeprefix("E: ") for line in lines if line.startswith("E: ")] or lines
        raise NotFetched("; ".join(words[-3:]) or f"{command[0]} ended with status {done.returncode}")
    return done.stdout

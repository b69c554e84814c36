"""The programs that the tests run against: where each one is.

``python -m tests.components`` brings them into ``.components/`` (``debian`` unpacks Debian packages,
``golang`` sees to Go, ``sam`` to SAM and the parts of the Lambda runtime); nothing is installed and no
service is started. A test asks ``find`` for a program by its Debian name. What was unpacked goes before
what the machine has: two machines then test against programs of one release.
"""

from __future__ import annotations

import fcntl
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pushvar.errors import ComponentMissing

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]
HOME = REPOSITORY / ".components"


@dataclass(frozen=True, slots=True)
class Component:
    """One Debian package and the programs in it.

    ``packages`` are alternatives, the first that the machine's package sources know is taken.
    ``programs`` maps a program's name to where it may stand in the package. ``libraries`` says that
    the shared libraries come along; Go programs need none but the C library. ``extras`` are further
    packages, ``beside`` those that only some releases have.
    ``version_flag`` makes a program print its version, which shows that it can run.
    """

    packages: tuple[str, ...]
    programs: dict[str, tuple[str, ...]]
    libraries: bool = False
    extras: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    version_flag: str = "--version"

    @property
    def name(self) -> str:
        """The component's own name: that of its first package."""
        return self.packages[0]


COMPONENTS = (
    Component(
        packages=("prometheus",),
        beside=("promtool",),  # a package of its own since Debian 13
        programs={"prometheus": ("usr/bin/prometheus",), "promtool": ("usr/bin/promtool",)},
    ),
    Component(
        packages=("prometheus-alertmanager",),
        programs={"alertmanager": ("usr/bin/prometheus-alertmanager",), "amtool": ("usr/bin/amtool",)},
    ),
    Component(
        packages=("prometheus-pushgateway",),
        programs={"prometheus-pushgateway": ("usr/bin/prometheus-pushgateway",)},
    ),
    Component(
        packages=("victoria-metrics",),
        programs={"victoria-metrics": ("usr/bin/victoria-metrics",), "vmagent": ("usr/bin/vmagent",)},
    ),
    Component(packages=("etcd-server",), programs={"etcd": ("usr/bin/etcd",)}),
    # further programs that serve expvar, 5, 4 and 9 MB
    Component(packages=("influxdb",), programs={"influxd": ("usr/bin/influxd",)}, version_flag="version"),
    Component(packages=("mtail",), programs={"mtail": ("usr/bin/mtail",)}),
    Component(packages=("caddy",), programs={"caddy": ("usr/bin/caddy",)}, version_flag="version"),
    Component(  # the shell is Chromium without windows: the same pages, 60 MB less to fetch
        packages=("chromium-headless-shell", "chromium"),
        programs={"chromium": ("usr/lib/chromium/chromium-headless-shell", "usr/lib/chromium/chromium")},
        libraries=True,
        extras=("fonts-dejavu-core",),
    ),
)


def tree(component: Component, home: Path = HOME) -> Path:
    """Give the folder that a component is unpacked into."""
    return home / "debian" / component.name


def find(program: str, home: Path = HOME) -> Path:
    """Give the path of a program: the unpacked one, else the one on PATH.

    Raises ComponentMissing when there is neither, and KeyError for a program that no component has.
    """
    component = next((each for each in COMPONENTS if program in each.programs), None)
    if component is None:
        known = ", ".join(sorted(name for each in COMPONENTS for name in each.programs))
        raise KeyError(f"no component has a program {program!r}; known are {known}")
    unpacked = find_unpacked(component, program, home)
    if unpacked and (tree(component, home) / "complete").is_file():
        return unpacked
    for name in (program, *component.packages):
        on_path = shutil.which(name)
        if on_path:
            return Path(on_path)
    raise ComponentMissing(
        f"{program} is neither in {home.name}/ nor on PATH",
        hint=f"run python -m tests.components, or apt-get install {component.packages[-1]}",
    )


def find_unpacked(component: Component, program: str, home: Path = HOME) -> Path | None:
    """Give the path of a program in its component's tree, or None."""
    places = (tree(component, home) / inside for inside in component.programs[program])
    return next((place for place in places if place.is_file()), None)


def environment(program: str, home: Path = HOME) -> dict[str, str]:
    """Give the environment variables that an unpacked program needs to find its own libraries.

    Empty for a program that needs none, and for one on PATH.
    """
    component = next(each for each in COMPONENTS if program in each.programs)
    root = tree(component, home)
    if not component.libraries or not find_unpacked(component, program, home):
        return {}
    libraries = [*root.glob("lib/*-linux-gnu/**/*.so*"), *root.glob("usr/lib/*-linux-gnu/**/*.so*")]
    folders = {library.parent for library in libraries}
    return {
        "LD_LIBRARY_PATH": ":".join(str(folder) for folder in sorted(folders)),
        "FONTCONFIG_FILE": str(root / "fonts.conf"),
    }


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Make the folder and hold off a second run; the lock goes with the process, however it ends."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

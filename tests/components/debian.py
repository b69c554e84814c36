"""Debian packages, unpacked beside the tests: nothing is installed, no service starts.

Each component of the table gets a tree of its own, ``.components/debian/<name>``, with the shared
libraries it needs. Only the C library is left to the machine: it has to match the machine's loader.
A tree that is whole is never fetched again.
"""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.components import COMPONENTS, Component, environment, find_unpacked, locked, tree
from tests.components.apt import Apt, NotFetched, Package, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

LAYOUT = 2  # raise it when the way of unpacking changes: every tree is then fetched anew

# Of all that a program depends on, shared libraries are of use to one that is merely unpacked.
LIBRARY = re.compile(r"lib(?!js-|perl|llvm|z3|pam|c6$|c-bin$|gl1-mesa|.*-perl$|.*-data$|.*-common$)")

FONTS_CONF = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""


def fetch(home: Path, say: Callable[[str], None]) -> dict[str, str]:
    """Bring every component that is not there yet; give the reason for each that could not be had."""
    if all(is_complete(component, home) for component in COMPONENTS):
        return {}
    with locked(home):
        missing = [component for component in COMPONENTS if not is_complete(component, home)]
        try:
            return _fetch_missing(missing, home, say)
        finally:
            shutil.rmtree(home / "apt", ignore_errors=True)


def is_complete(component: Component, home: Path) -> bool:
    """Tell whether a component's tree was unpacked whole, and from the same row of the table."""
    try:
        return (tree(component, home) / "complete").read_text() == _key(component)
    except FileNotFoundError:
        return False


def _key(component: Component) -> str:
    made_for = (platform.machine(), platform.libc_ver())
    return hashlib.sha256(repr((LAYOUT, component, LIBRARY.pattern, made_for)).encode()).hexdigest()


def _fetch_missing(missing: list[Component], home: Path, say: Callable[[str], None]) -> dict[str, str]:
    reasons: dict[str, str] = {}
    if not missing:  # another run brought them while this one waited for the lock
        return reasons
    try:
        apt = Apt.prepared(home / "apt", say)
    except NotFetched as error:
        return {component.name: str(error) for component in missing}
    for component in missing:
        try:
            _bring(component, home, apt, say)
        except NotFetched as error:
            reasons[component.name] = str(error)
    return reasons


def _bring(component: Component, home: Path, apt: Apt, say: Callable[[str], None]) -> None:
    """Fetch and unpack one component; its tree counts only when the last line of it is written."""
    packages = _packages(component, apt)
    own, others = packages[0], len(packages) - 1
    more = f" with {others} more" if others else ""
    megabytes = sum(package.size_bytes for package in packages) / 1e6
    say(f"{component.name}: fetching {own.name} {own.version}{more}, {megabytes:.1f} MB")
    root = tree(component, home)
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for archive in apt.download(packages):
        run(["dpkg-deb", "-x", str(archive), str(root)])
        archive.unlink()
    _prune(root / "usr" / "share")
    (root / "fonts.conf").write_text(FONTS_CONF)
    for program in component.programs:
        _start_once(component, program, home)
    (root / "packages").write_text("".join(f"{each.name} {each.version}\n" for each in packages))
    (root / "complete").write_text(_key(component))


def _prune(share: Path) -> None:
    """Leave only the fonts: manuals have no reader here, and linters should not find Python code."""
    for folder in share.iterdir():
        if folder.name != "fonts":
            shutil.rmtree(folder)


def _offered(names: Iterable[str], apt: Apt) -> list[Package]:
    """Those of the packages that this Debian has."""
    found = []
    for name in names:
        with suppress(NotFetched):
            found.append(apt.offer(name))
    return found


def _packages(component: Component, apt: Apt) -> list[Package]:
    """Choose what to fetch: the component's package first, then its libraries and extras."""
    failure = NotFetched(f"{component.name} has no package")
    for name in component.packages:
        try:
            own = apt.offer(name)
            if not component.libraries:
                return [own, *_offered(component.beside, apt)]
            closure = apt.closure([name, *component.extras])
        except NotFetched as error:
            failure = error
        else:
            return [own, *(each for each in closure if each != own and _is_useful(each, component))]
    raise failure


def _is_useful(package: Package, component: Component) -> bool:
    """Tell a library, a font or another part of the program from the rest of its dependencies."""
    if LIBRARY.match(package.name) or package.name in component.extras:
        return True
    return package.name.startswith(tuple(f"{name}-" for name in component.packages))


def _start_once(component: Component, program: str, home: Path) -> None:
    """Start an unpacked program; when it does not run, drop the tree and raise NotFetched."""
    path = find_unpacked(component, program, home)
    try:
        run([str(path), component.version_flag], env=environment(program, home))
    except (NotFetched, OSError) as error:
        shutil.rmtree(tree(component, home))
        raise NotFetched(f"{program} does not run here: {error}") from error

"""A tree of parameters in Parameter Store: read by path, written item by item, the manifest last.

What AWS lets happen and this does not: a value that silently becomes a charged (advanced) parameter, a
page that is empty and taken for the last, a deletion that did not happen.
Source: the API reference of AWS Systems Manager (GetParametersByPath, PutParameter, DeleteParameters).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pushvar.collect.registry._throttling import Effects, patiently
from pushvar.config.branches import in_order
from pushvar.config.manifest import MANIFEST, manifest_of, matches
from pushvar.config.packing import MAX_BYTES
from pushvar.errors import ConfigError, ConfigErrors
from pushvar.net.aws import aws_client, error_code, in_plain_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

_LOCATION = re.compile(r"(/[a-zA-Z0-9_.-]+){1,12}")
_LOCATION_CHARS = 600  # with an item's name and the ARN before it, 1,011 are not exceeded
_RESERVED = ("/aws", "/ssm")
_DELETED_AT_ONCE = 10


class Stored(NamedTuple):
    """What a tree holds: values by relative name, and its manifest (empty when there is none)."""

    items: dict[str, str]
    manifest: str

    @property
    def settled(self) -> bool:
        """Whether this is a whole tree, as far as its manifest can tell."""
        return matches(self.manifest, self.items)


@dataclass(frozen=True, slots=True)
class Change:
    """One parameter before and after, by relative name; None where it is not there."""

    name: str
    before: str | None
    after: str | None

    @property
    def kind(self) -> str:
        """``added``, ``changed``, ``removed`` or ``unchanged``."""
        if self.before == self.after:
            return "unchanged"
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    """What it takes to make one tree of the other, by name."""
    names = in_order(before.keys() | after.keys())
    return tuple(Change(name, before.get(name), after.get(name)) for name in names)


class ParameterTree:
    """The parameters below ``<location>/config``. It does no I/O when it is made.

    Raises ConfigError for a location that no tree can have, and in every method when AWS refuses.
    """

    def __init__(self, location: str, client: Any = None, effects: Effects = Effects()) -> None:  # noqa: B008 - immutable
        _check(location)
        self.location = location
        self.prefix = f"{location}/config"
        self._client = client
        self._effects = effects
        self._waits: Callable[[float], None] | None = None

    def value(self, item: str = MANIFEST) -> str:
        """The value of one parameter, the manifest unless named; empty when there is none."""
        name = f"{self.prefix}/{item}"
        with self._asked(name):
            try:
                return str(self._ssm.get_parameter(Name=name)["Parameter"]["Value"])
            except Exception as error:
                if error_code(error) != "ParameterNotFound":
                    raise
                return ""

    def read(self, progress: Callable[[int], None] | None = None) -> Stored:
        """The whole tree. Raises ConfigErrors that name parameters of another type than String.

        ``progress`` is called with the number of parameters read so far: nobody knows how many there are.
        """
        values: dict[str, str] = {}
        wrong: dict[str, ConfigError] = {}
        for parameter in self._pages():
            name = parameter["Name"]
            values[name.removeprefix(f"{self.prefix}/")] = parameter["Value"]
            if progress is not None:
                progress(len(values))
            if parameter["Type"] != "String":
                wrong[name] = self._wrong_type(name, parameter["Type"])
        if wrong:
            raise ConfigErrors([wrong[name] for name in in_order(wrong)])
        return Stored({name: values[name] for name in values if name != MANIFEST}, values.get(MANIFEST, ""))

    def read_some(self, progress: Callable[[int], None] | None = None) -> Stored:
        """The same; raises ConfigError for a tree that holds nothing, with the command that fills it."""
        stored = self.read(progress)
        if not stored.items:
            where = f"ssm:{self.location}"
            raise ConfigError(
                "",
                f"{where}: no configuration there",
                hint=f"fill it: pushvar config push pushvar.yml --to {where}",
            )
        return stored

    def write(
        self,
        before: Stored,
        after: Mapping[str, str],
        progress: Callable[[int, int], None] | None = None,
        waits: Callable[[float], None] | None = None,
    ) -> bool:
        """Make the tree hold ``after``: put what differs, delete what is gone, write the manifest last.

        ``progress`` is called with the parameters done and all that there are to do, ``waits`` with the
        seconds of each pause that AWS' rate limit makes necessary. Says whether there was anything to do.
        When this is cut off, doing it again from a new ``read`` mends it: until then the tree does not
        match its manifest.
        """
        found = changes(before.items, after)
        put = [one for one in found if one.kind in {"added", "changed"}]
        gone = [one.name for one in reversed(found) if one.kind == "removed"]
        if not put and not gone and before.settled:
            return False
        self._no_advanced(put)
        self._waits = waits
        done, total = 0, len(put) + len(gone) + 1
        try:
            for one in put:
                self._put(one.name, one.after or "")
                done = _told(progress, done + 1, total)
            for start in range(0, len(gone), _DELETED_AT_ONCE):
                some = gone[start : start + _DELETED_AT_ONCE]
                self._delete(some)
                done = _told(progress, done + len(some), total)
            self._put(MANIFEST, manifest_of(after))
            _told(progress, total, total)
        except ConfigError as error:
            if not done:
                raise
            hint = "; ".join(filter(None, [error.hint, "do the same again: it writes what is missing"]))
            problem = f"{error.problem} ({done} of {total} were written)"
            raise ConfigError(error.path, problem, hint=hint, place=error.place) from error
        return True

    @property
    def _ssm(self) -> Any:
        if self._client is None:
            self._client = aws_client("ssm")
        return self._client

    def _asked(self, what: str) -> AbstractContextManager[None]:
        return in_plain_words(f"ssm:{what}", lambda message, hint: ConfigError("", message, hint=hint))

    def _pages(self) -> Iterator[dict[str, Any]]:
        """Every parameter below the prefix. A page may be empty and still not be the last."""
        more: dict[str, str] = {}
        tokens: set[str] = set()
        while True:
            with self._asked(self.prefix):
                page = self._ssm.get_parameters_by_path(
                    Path=self.prefix, Recursive=True, WithDecryption=False, MaxResults=10, **more
                )
            yield from page["Parameters"]
            token = page.get("NextToken")
            if not token:
                return
            if token in tokens:
                raise ConfigError(
                    "",
                    f"ssm:{self.prefix}: Parameter Store gives the same page again",
                    hint="try again later",
                )
            tokens.add(token)
            more = {"NextToken": token}

    def _wrong_type(self, name: str, kind: str) -> ConfigError:
        if kind == "SecureString":
            hint = f"move it to {self.location}/secrets/ and refer to it as ssm:{self.location}/secrets/NAME"
            return ConfigError(
                "", "a SecureString; no secret belongs into the configuration", hint=hint, place=name
            )
        return ConfigError("", f"a {kind}", hint="delete it, and write it as a String", place=name)

    def _no_advanced(self, put: list[Change]) -> None:
        """Refuse to change what can only be of the advanced tier, before anything is written."""
        large = [one for one in put if one.before is not None and len(one.before.encode()) > MAX_BYTES]
        if large:
            raise ConfigErrors([self._advanced(one.name) for one in large])

    def _advanced(self, name: str) -> ConfigError:
        problem = "a parameter of the advanced tier, which never becomes standard again"
        return ConfigError("", problem, hint="delete it first", place=f"{self.prefix}/{name}")

    def _put(self, name: str, value: str) -> None:
        with self._asked(f"{self.prefix}/{name}"):
            try:
                self._patiently(lambda: self._ssm.put_parameter(
                    Name=f"{self.prefix}/{name}", Value=value,
                    Type="String", Tier="Standard", DataType="text", Overwrite=True,
                ), name)  # fmt: skip
            except Exception as error:
                if error_code(error) == "ValidationException" and "advanced" in str(error):
                    raise self._advanced(name) from error
                raise

    def _delete(self, names: list[str]) -> None:
        with self._asked(self.prefix):
            full = [f"{self.prefix}/{name}" for name in names]
            answer = self._patiently(lambda: self._ssm.delete_parameters(Names=full), names[0])
        if left := answer.get("InvalidParameters"):
            raise ConfigError("", f"ssm:{self.prefix}: could not delete {', '.join(left)}")

    def _patiently(self, call: Callable[[], dict[str, Any]], name: str) -> dict[str, Any]:
        return patiently(call, f"ssm:{self.prefix}/{name}", self._waits, self._effects)


def _told(progress: Callable[[int, int], None] | None, done: int, total: int) -> int:
    if progress is not None:
        progress(done, total)
    return done


def _check(location: str) -> None:
    legal = _LOCATION.fullmatch(location) and len(location) <= _LOCATION_CHARS
    if not legal or location.lower().startswith(_RESERVED):
        raise ConfigError(
            "",
            f"ssm:{location}: not a place for a configuration in Parameter Store",
            hint="write ssm:/pushvar/<stage>: letters, digits and _.- between the slashes, not beginning "
            "with /aws or /ssm",
        )

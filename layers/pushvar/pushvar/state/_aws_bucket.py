"""The bucket under the AWS store: whole objects in and out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from pushvar.net.aws import error_code
from pushvar.state._aws_service import AwsService, tries

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

T = TypeVar("T")
R = TypeVar("R")
_AT_ONCE: Final = 8  # botocore keeps ten connections
_DELETED_AT_ONCE: Final = 1_000
_THERE: Final = "PreconditionFailed"
_CONFLICT: Final = "ConditionalRequestConflict"


class AwsBucket:
    """Objects of one S3 bucket by their key. Safe for several threads; all methods raise StateError."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._service = AwsService("s3", f"state bucket {name}")

    def put(self, key: str, body: bytes) -> None:
        """Store an object; it is durable when this returns."""
        with self._service.client() as client:
            client.put_object(Bucket=self.name, Key=key, Body=body)

    def put_once(self, key: str, body: bytes) -> None:
        """Store an object unless one of that key is there (412). Two that race (409) are tried again."""
        with self._service.client() as client:
            for last in tries():
                try:
                    client.put_object(Bucket=self.name, Key=key, Body=body, IfNoneMatch="*")
                except client.exceptions.ClientError as error:
                    if error_code(error) == _THERE:
                        return
                    if last or error_code(error) != _CONFLICT:
                        raise
                else:
                    return

    def get(self, key: str) -> bytes | None:
        """The bytes of an object, or None when there is none."""
        with self._service.client() as client:
            try:
                return bytes(client.get_object(Bucket=self.name, Key=key)["Body"].read())
            except client.exceptions.NoSuchKey:
                return None

    def put_all(self, bodies: Mapping[str, bytes]) -> None:
        """Store several objects, some at a time; all are durable when this returns."""
        _at_once(lambda item: self.put(*item), bodies.items())

    def get_all(self, keys: Collection[str]) -> Mapping[str, bytes | None]:
        """The bytes of several objects by their keys, None for one that is not there."""
        return dict(_at_once(lambda key: (key, self.get(key)), keys))

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects, 1,000 by a call; those that are not there, or cannot be removed, are passed by."""
        if not keys:
            return
        with self._service.client() as client:
            for start in range(0, len(keys), _DELETED_AT_ONCE):
                some = [{"Key": key} for key in keys[start : start + _DELETED_AT_ONCE]]
                client.delete_objects(Bucket=self.name, Delete={"Objects": some, "Quiet": True})

    def close(self) -> None:
        """Let go of the connections."""
        self._service.close()


def _at_once(work: Callable[[T], R], items: Collection[T]) -> list[R]:
    """Work on several objects at a time, each of which takes tens of milliseconds, most of them waiting."""
    if len(items) < 2:  # noqa: PLR2004 - a thread for one would only cost
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(_AT_ONCE, len(items))) as pool:
        return list(pool.map(work, items))

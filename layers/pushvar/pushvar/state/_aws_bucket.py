"""The bucket under the AWS store: whole objects in and out."""

from __future__ import annotations

from typing import Final

from pushvar.net.aws import error_code
from pushvar.state._aws_service import AwsService, tries

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

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine."""
        with self._service.client() as client:
            client.delete_object(Bucket=self.name, Key=key)

    def close(self) -> None:
        """Let go of the connections."""
        self._service.close()

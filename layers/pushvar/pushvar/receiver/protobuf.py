"""Bytes -> one official protobuf message, and everything that is wrong at that level. Pure.

The official parser is lenient where a strict receiver may not be (it keeps unknown fields silently)
and silent where it should speak (it does not say why it failed). This module says both.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from pushvar.receiver.envelope import V1, V2
from pushvar.receiver.rules import Violation
from pushvar.wire.proto import prometheus_v1_pb2, write_v2_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGES: dict[int, type[Message]] = {V1: prometheus_v1_pb2.WriteRequest, V2: write_v2_pb2.Request}
_SHOWN_BYTES = 60


def parse(raw: bytes, version: int) -> tuple[Any, list[Violation]]:
    """Parse an uncompressed body as the given remote write version.

    Gives the message (None when the bytes are none) and what is wrong with it as protobuf: other
    bytes, strings that are no UTF-8, fields that are unknown or reserved.
    """
    request = MESSAGES[version]()
    try:
        request.ParseFromString(raw)
    except DecodeError:
        return None, list(_why_unparsable(raw, version))
    return request, list(_foreign_fields(request, raw, version))


def _foreign_fields(request: Message, raw: bytes, version: int) -> Iterator[Violation]:
    """Name fields outside the schema. Walking is slow, so a change of size decides whether it is needed."""
    before = request.ByteSize()
    request.DiscardUnknownFields()
    if request.ByteSize() == before:
        return
    whole = MESSAGES[version]()
    whole.ParseFromString(raw)
    counted: dict[tuple[str, int], int] = {}
    for message in _walk(whole):
        fields: Any = UnknownFieldSet(message)
        for unknown in fields:
            key = (message.DESCRIPTOR.full_name, unknown.field_number)
            counted[key] = counted.get(key, 0) + 1
    for (name, number), count in counted.items():
        kind = "reserved" if _is_reserved(whole, name, number) else "unknown"
        yield Violation("protobuf-field", "", f"field {number} of {name} is {kind} (x{count})")


def _is_reserved(request: Message, name: str, number: int) -> bool:
    proto = descriptor_pb2.DescriptorProto()
    request.DESCRIPTOR.file.pool.FindMessageTypeByName(name).CopyToProto(proto)
    return any(span.start <= number < span.end for span in proto.reserved_range)


def _walk(message: Message) -> Iterator[Message]:
    """The message and everything in it, outermost first."""
    yield message
    for descriptor, value in message.ListFields():
        if descriptor.message_type is not None:
            for child in value if descriptor.is_repeated else (value,):
                yield from _walk(child)


def _why_unparsable(raw: bytes, version: int) -> Iterator[Violation]:
    """Tell bytes that are no UTF-8 from bytes that are no protobuf: the former parse as bytes fields."""
    request = _lenient(version)()
    try:
        request.ParseFromString(raw)
    except DecodeError:
        name = MESSAGES[version].DESCRIPTOR.full_name
        yield Violation("protobuf-parse", "", f"{len(raw)} bytes are no {name}")
        return
    for place, text in _bytes_fields(request):
        if not _is_utf8(text):
            yield Violation("label-utf8", "", f"{place} is {text[:_SHOWN_BYTES]!r}")


def _bytes_fields(request: Message) -> Iterator[tuple[str, bytes]]:
    for message in _walk(request):
        for descriptor, value in message.ListFields():
            if descriptor.type == descriptor.TYPE_BYTES:
                for text in value if descriptor.is_repeated else (value,):
                    yield f"{message.DESCRIPTOR.name}.{descriptor.name}", text


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


@cache
def _lenient(version: int) -> type[Message]:
    """The official message with every string field declared as bytes."""
    official = MESSAGES[version].DESCRIPTOR
    proto = descriptor_pb2.FileDescriptorProto()
    official.file.CopyToProto(proto)
    for message in proto.message_type:
        for one in message.field:
            if one.type == one.TYPE_STRING:
                one.type = one.TYPE_BYTES
    pool = descriptor_pool.DescriptorPool()
    pool.Add(proto)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(official.full_name))

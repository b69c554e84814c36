"""What a failure class holds together, told apart: the system's own error in one word.

The class itself is ``net.client``'s to say; this is for people who look for the cause of one failure.
"""

from __future__ import annotations

import errno
import socket
import ssl

_NAMES = {
    socket.EAI_NONAME: "no_name",
    socket.EAI_AGAIN: "no_name_server",
    getattr(socket, "EAI_NODATA", socket.EAI_NONAME): "no_address",
}
_CERTIFICATES = {
    9: "not_yet_valid",
    10: "expired",
    18: "self_signed",
    **dict.fromkeys((19, 20, 21), "unknown_authority"),
    **dict.fromkeys((62, 64), "wrong_name"),
}
"""X509_V_ERR_* of OpenSSL (x509_vfy.h) -> what it means."""
_TLS_WORDS = (
    ("WRONG_VERSION_NUMBER", "not_tls"),
    ("RECORD_LAYER_FAILURE", "not_tls"),
    ("PACKET_LENGTH", "not_tls"),
    ("HTTP_REQUEST", "not_tls"),
    ("CERTIFICATE_REQUIRED", "client_certificate"),
    ("BAD_CERTIFICATE", "client_certificate"),
    ("PROTOCOL_VERSION", "old_version"),
    ("UNSUPPORTED_PROTOCOL", "old_version"),
)


def detail_of(error: BaseException | None, first: bytes | bytearray) -> str:
    """A word for the error below a failed fetch, "" for none; ``first`` are the first bytes that came."""
    if isinstance(error, socket.gaierror):
        return _NAMES.get(error.errno or 0, "")
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATES.get(error.verify_code, "certificate")
    if isinstance(error, ssl.SSLError):
        words = f"{error.reason or ''} {error}".upper().replace(" ", "_")
        return next((detail for word, detail in _TLS_WORDS if word in words), "")
    if isinstance(error, OSError) and not isinstance(error, TimeoutError):
        return _of_connection(error)
    return "tls_port" if first[:1] == b"\x15" else ""  # a TLS alert where HTTP was expected


def _of_connection(error: OSError) -> str:
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL):
        return "no_route"
    if error.errno == errno.ETIMEDOUT:
        return "no_answer"
    return "reset" if isinstance(error, ConnectionResetError) else ""

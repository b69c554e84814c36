"""A DNS server for tests, over UDP and TCP, with records that the test writes."""

from __future__ import annotations

import socketserver
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.programs import loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

UDP_BYTES = 512


@dataclass(slots=True)
class NameServer:
    """``records`` by name (with its final dot) and type; names that have none do not exist.

    ``failing`` names get SERVFAIL, ``silent`` ones no answer. ``asked`` holds the questions, ``over_tcp``
    those among them that came over TCP.
    """

    port: int = 0
    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    over_tcp: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, wire: bytes, *, tcp: bool) -> bytes:
        """The answer to one question; empty for none."""
        query = dns.message.from_wire(wire)
        name = query.question[0].name.to_text().lower()
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        (self.over_tcp if tcp else self.asked).append((name, kind))
        if name in self.silent:
            return b""
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if name in self.failing:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif texts := self.records.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", kind, *texts))
        elif not any(known == name for known, _kind in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        if not tcp and len(answer.to_wire()) > UDP_BYTES:
            answer.answer.clear()
            answer.flags |= dns.flags.TC
        return answer.to_wire()


class _Udp(socketserver.BaseRequestHandler):
    server: _UdpServer

    def handle(self) -> None:
        """Answer one datagram."""
        wire, socket = self.request
        if answer := self.server.names.answer(wire, tcp=False):
            socket.sendto(answer, self.client_address)


class _Tcp(socketserver.StreamRequestHandler):
    server: _TcpServer

    def handle(self) -> None:
        """Answer one question."""
        size = int.from_bytes(self.rfile.read(2), "big")
        wire = self.server.names.answer(self.rfile.read(size), tcp=True)
        self.wfile.write(len(wire).to_bytes(2, "big") + wire)


class _UdpServer(socketserver.ThreadingUDPServer):
    names: NameServer
    daemon_threads = True


class _TcpServer(socketserver.ThreadingTCPServer):
    names: NameServer
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def name_server() -> Iterator[NameServer]:
    """Run the server on one port of both protocols."""
    with ExitStack() as stack:
        udp = stack.enter_context(_UdpServer(("127.0.0.1", 0), _Udp))
        tcp = stack.enter_context(_TcpServer(udp.server_address, _Tcp))
        udp.names = tcp.names = NameServer(udp.server_address[1])
        stack.enter_context(loopback.served(udp))
        stack.enter_context(loopback.served(tcp))
        yield udp.names

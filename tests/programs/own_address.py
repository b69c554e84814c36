"""A server on loopback, reached by this machine's own address, as a function reaches its targets.

On Lambda no target may be on loopback, so here one is reached by the address of a network interface.
What goes to one's own address stays inside the machine, and comes from that address: the relay hangs up
on everybody else.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import socket
import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.programs.process import NotReady

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIOCGIFADDR = 0x8915  # netdevice(7)


def own_address() -> str:
    """Give an IPv4 address of this machine that is not loopback. Raises NotReady when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):
                request = struct.pack("256s", name.encode()[:15])
                found = fcntl.ioctl(asked.fileno(), _SIOCGIFADDR, request)[20:24]
                address = ipaddress.ip_address(found)
                if not (address.is_loopback or address.is_link_local):
                    return str(address)
    raise NotReady(
        "this machine has no address but loopback, and on Lambda no target may be there;"
        " one for the time of the tests: sudo ip address add 198.18.0.1/32 dev lo"
    )


@contextmanager
def reachable(address: str) -> Iterator[str]:
    """Give ``host:port`` under which the server at ``address`` (on loopback) is reached from this machine."""
    host, _, port = address.rpartition(":")
    with socket.socket() as listener:
        listener.bind((own_address(), 0))
        listener.listen(64)
        thread = threading.Thread(target=_serve, args=(listener, (host, int(port))), daemon=True)
        thread.start()
        here: tuple[str, int] = listener.getsockname()
        try:
            yield f"{here[0]}:{here[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listener: socket.socket, server: tuple[str, int]) -> None:
    with contextlib.suppress(OSError):  # the end of the listener
        while True:
            client, (peer, _) = listener.accept()
            if peer != listener.getsockname()[0]:
                client.close()
                continue
            threading.Thread(target=_relay, args=(client, server), daemon=True).start()


def _relay(client: socket.socket, server: tuple[str, int]) -> None:
    """Pass bytes both ways until either side is done; nobody there closes the client's connection."""
    with client, contextlib.suppress(OSError), socket.create_connection(server, timeout=5) as upstream:
        upstream.settimeout(None)
        back = threading.Thread(target=_pump, args=(upstream, client), daemon=True)
        back.start()
        _pump(client, upstream)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for one in (source, sink):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)

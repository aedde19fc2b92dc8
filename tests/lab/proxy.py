"""A proxy that changes or delays the answers of a server."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

Change = Callable[[bytes], bytes]
"""Changes an answer. Its length must not change: the messages contain it."""


def unchanged(data: bytes) -> bytes:
    """Forward the data unchanged."""
    return data


@contextmanager
def proxy(
    ip: str, ports: Iterable[int], to: str, change: Change = unchanged, *, udp: Iterable[int] = (), delay: float = 0.0
) -> Iterator[None]:
    """Listen on these ports, and pass all on to the same ports of the address `to`.

    `delay` are seconds that go by before each connection is passed on.
    """
    listeners = [socket.create_server((ip, port)) for port in ports]
    datagrams = [_bound(ip, port) for port in udp]
    threads = [
        *(threading.Thread(target=_accept, args=(one, to, change, delay), daemon=True) for one in listeners),
        *(threading.Thread(target=_relay, args=(one, to), daemon=True) for one in datagrams),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for sock in (*listeners, *datagrams):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits on it
            sock.close()
        for thread in threads:
            thread.join(1)


def _bound(ip: str, port: int) -> socket.socket:
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((ip, port))
    return datagrams


def _accept(listener: socket.socket, to: str, change: Change, delay: float) -> None:
    port = listener.getsockname()[1]
    with suppress(OSError):  # closed
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_converse, args=(client, (to, port), change, delay), daemon=True).start()


def _converse(client: socket.socket, to: tuple[str, int], change: Change, delay: float) -> None:
    time.sleep(delay)
    with client, suppress(OSError), socket.create_connection(to, 5) as server:
        server.settimeout(None)
        back = threading.Thread(target=_pass_on, args=(server, client, change), daemon=True)
        back.start()
        _pass_on(client, server, unchanged)
        back.join(1)


def _pass_on(source: socket.socket, target: socket.socket, change: Change) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(change(data))
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _relay(datagrams: socket.socket, to: str) -> None:
    port = datagrams.getsockname()[1]
    while True:
        try:
            data, client = datagrams.recvfrom(65535)
        except OSError:
            return
        if not client:  # shutdown() shows as an empty datagram without a sender
            return
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.settimeout(2)
            server.sendto(data, (to, port))
            datagrams.sendto(server.recv(65535), client)

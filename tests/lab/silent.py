"""Servers that are silent, close at once, or do not accept. For clients that must not wait forever."""

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress


@contextmanager
def silent(ip: str, tcp: Iterable[int] = (), udp: Iterable[int] = ()) -> Iterator[None]:
    """Listen on these ports: connections are accepted, datagrams received, nothing is answered."""
    with ExitStack() as stack:
        for port in tcp:
            # The kernel completes the connection and keeps what is sent; no accept() is necessary.
            stack.enter_context(closing(socket.create_server((ip, port), backlog=128)))
        for port in udp:
            datagrams = stack.enter_context(closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
            datagrams.bind((ip, port))
        yield


@contextmanager
def closing_at_once(ip: str, ports: Iterable[int]) -> Iterator[None]:
    """Listen on these TCP ports, and close each connection as soon as it is there."""
    with ExitStack() as stack:
        for port in ports:
            listener = socket.create_server((ip, port))
            thread = threading.Thread(target=_close_all, args=(listener,), daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(_end, listener)
        yield


def _close_all(listener: socket.socket) -> None:
    with suppress(OSError):  # raised when the listener is closed
        while True:
            listener.accept()[0].close()


def _end(listener: socket.socket) -> None:
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)  # wakes the thread out of accept(); close() alone would not
    listener.close()


@contextmanager
def black_hole(ip: str, ports: Iterable[int]) -> Iterator[None]:
    """Drop packets to these TCP ports, as a firewall does: connect() hangs.

    A listener with a full queue of connections ignores every further one.
    """
    with ExitStack() as stack:
        for port in ports:
            stack.enter_context(closing(socket.create_server((ip, port), backlog=0)))
            for _ in range(8):
                if not _fill(stack, ip, port):
                    break
            else:
                raise OSError(f"{ip}:{port} takes every connection: its queue cannot be filled")
        yield


def _fill(stack: ExitStack, ip: str, port: int) -> bool:
    """Open one more connection; return whether the queue had room for it."""
    client = stack.enter_context(closing(socket.socket()))
    client.settimeout(0.1)
    try:
        client.connect((ip, port))
    except TimeoutError:
        return False
    return True

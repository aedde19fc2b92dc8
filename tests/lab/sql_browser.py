"""A small SQL Server Browser: it returns the ports of its instances over UDP 1434."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

PORT = 1434


class FakeSqlBrowser:
    """Answers for its instances, a port each (None: named pipes only), and does not answer for others.

    Source: MC-SQLR 2.2.5: without a known instance, it ignores the request.
    """

    def __init__(self, instances: Mapping[str, int | None], server: str = "SQL") -> None:
        self.instances = dict(instances)
        self.server = server
        self.requests: list[bytes] = []
        """Each request, in its order."""

    def answer(self, request: bytes) -> bytes | None:
        """Give the answer to a request; None: there is none."""
        self.requests.append(request)
        if request == b"\x03":
            told = self.instances
        elif request[:1] == b"\x04" and request[-1:] == b"\0":
            wanted = request[1:-1].decode().lower()
            told = {name: port for name, port in self.instances.items() if name.lower() == wanted}
        else:
            return None
        text = "".join(self._described(name, port) for name, port in told.items()).encode()
        return b"\x05" + len(text).to_bytes(2, "little") + text if text else None

    def _described(self, name: str, port: int | None) -> str:
        tcp = f";tcp;{port}" if port else ""
        pipe = rf"\\{self.server}\pipe\MSSQL${name}\sql\query"
        return f"ServerName;{self.server};InstanceName;{name};IsClustered;No;Version;15.0.2000.5;np;{pipe}{tcp};;"


@contextmanager
def fake_sql_browser(ip: str, instances: Mapping[str, int | None]) -> Iterator[FakeSqlBrowser]:
    """Run SQL Server Browser on this address."""
    browser = FakeSqlBrowser(instances)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((ip, PORT))
    thread = threading.Thread(target=_serve, args=(browser, datagrams), daemon=True)
    thread.start()
    try:
        yield browser
    finally:
        with suppress(OSError):
            datagrams.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits on it
        datagrams.close()
        thread.join(1)


def _serve(browser: FakeSqlBrowser, datagrams: socket.socket) -> None:
    while True:
        try:
            request, client = datagrams.recvfrom(65535)
        except OSError:
            return
        if not client:  # shutdown() of a UDP socket shows as an empty datagram without a sender
            return
        answer = browser.answer(request)
        if answer is not None:
            with suppress(OSError):
                datagrams.sendto(answer, client)

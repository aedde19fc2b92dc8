"""A dnspython name server that reports a closed port at once. Imported late, like dnspython itself."""

from __future__ import annotations

import socket

import dns.inet
import dns.message
import dns.nameserver
import dns.query


class ConnectedNameserver(dns.nameserver.Do53Nameserver):
    """Uses a connected UDP socket: the system reports a closed port (ICMP) to connected sockets only."""

    def query(
        self,
        request: dns.message.QueryMessage,
        timeout: float,
        source: str | None,
        source_port: int,
        max_size: bool,
        one_rr_per_rrset: bool = False,
        ignore_trailing: bool = False,
    ) -> dns.message.Message:
        """Send a query, with dnspython's signature. Also raises OSError: ConnectionRefusedError for a closed port."""
        if max_size:  # over TCP
            return super().query(request, timeout, source, source_port, max_size, one_rr_per_rrset, ignore_trailing)
        with socket.socket(dns.inet.af_for_address(self.address), socket.SOCK_DGRAM) as udp:
            udp.setblocking(False)
            udp.connect((self.address, self.port))
            return dns.query.udp(
                request,
                self.address,
                timeout,
                self.port,
                raise_on_truncation=True,
                one_rr_per_rrset=one_rr_per_rrset,
                ignore_trailing=ignore_trailing,
                ignore_errors=True,
                ignore_unexpected=True,
                sock=udp,
            )

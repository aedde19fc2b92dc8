"""A task metadata endpoint (version 4) on loopback, and what it answers, in the form of AWS's documentation."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from tests.lab.aws import ACCOUNT
from tests.lab.loopback import fresh_address

VARIABLE = "ECS_CONTAINER_METADATA_URI_V4"
ID = "158d1c8083dd49d6b527399fd6414f5c"


def network(*dns_servers: str, cidr: str = "10.0.0.0/24") -> dict[str, Any]:
    """One network of a container, as it is told for the network mode awsvpc."""
    return {
        "NetworkMode": "awsvpc",
        "IPv4Addresses": ["10.0.0.61"],
        "AttachmentIndex": 0,
        "MACAddress": "0e:10:e2:01:bd:91",
        "IPv4SubnetCIDRBlock": cidr,
        "DomainNameServers": list(dns_servers),
        "DomainNameSearchList": ["ec2.internal"],
        "PrivateDNSName": "ip-10-0-0-61.ec2.internal",
        "SubnetGatewayIpv4Address": "10.0.0.1/24",
    }


def on_fargate(*dns_servers: str, region: str = "us-east-1", **changes: Any) -> dict[str, Any]:
    """The answer to `/task` in a Fargate task of two containers."""
    here = f"arn:aws:ecs:{region}:{ACCOUNT}"
    containers = [
        {
            "DockerId": f"{ID}-{number}",
            "Name": name,
            "DockerName": name,
            "Image": "registry.example/webapp:1",
            "Labels": {"com.amazonaws.ecs.task-definition-family": "webapp"},
            "DesiredStatus": "RUNNING",
            "KnownStatus": "RUNNING",
            "Limits": {"CPU": 2},
            "Type": "NORMAL",
            "Networks": [network(*(dns_servers or ("10.0.0.2",)))],
        }
        for number, name in enumerate(("web", "sidecar"))
    ]
    return {
        "Cluster": f"{here}:cluster/demo",
        "TaskARN": f"{here}:task/demo/{ID}",
        "Family": "webapp",
        "Revision": "1",
        "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING",
        "Limits": {"CPU": 0.25, "Memory": 512},
        "AvailabilityZone": f"{region}a",
        "LaunchType": "FARGATE",
        "Containers": containers,
        "ClockDrift": {"ClockErrorBound": 0.6, "ClockSynchronizationStatus": "SYNCHRONIZED"},
        **changes,
    }


@contextmanager
def answering(body: bytes, status: int = 200, path: str = "/v4/abc-1/task") -> Iterator[str]:
    """Answer requests for the path, and give what ECS writes into the variable; other paths are 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = urlsplit(self.path).path == path
            self.send_response(status if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body) if found else 0))
            self.end_headers()
            if found:
                self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((fresh_address(), 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        host, port = server.server_address[:2]
        yield f"http://{host!s}:{port}{path.removesuffix('/task')}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

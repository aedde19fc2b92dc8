"""The modes: a service, a fault, and the words with which a run may end."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from tests.chaos.servers import CONTROLLERS, DNS
from tests.command import Ended
from tests.lab.environment import Environment
from tests.lab.lies import LIES
from tests.probe.service import arguments, with_log
from tests.scenarios import changes
from tests.scenarios.lab import Change, Lab

SERVICES = ("*", "ecs", "s3", "secretsmanager", "iam", "ec2", "ds", "sts")
ENDLESS = ("an answer that drips", "an answer that stops", "an endless answer", "a gzip bomb")
"""Those that take seconds, or many bytes."""
CODES = ("ExpiredToken", "InvalidSignatureException", "AuthFailure", "UnrecognizedClientException")
_PORTS = {"KDC": 88, "LDAP": 389}
CALLS_OF_RUN = {
    "ecs": (
        "RegisterTaskDefinition",
        "RunTask",
        "DescribeTasks",
        "StopTask",
        "ListTasks",
        "ListTaskDefinitions",
        "DeregisterTaskDefinition",
    ),
    "logs": ("GetLogEvents", "DescribeLogStreams", "DeleteLogStream"),
}
"""Those that only `run` makes."""
FAULTS_OF_RUN = ("HTML with 200", "an empty object", "silence", "ExpiredToken")
SECONDS_OF_RUN = 40
"""Its `--timeout`."""


@dataclass(frozen=True)
class Mode:
    """A fault of a service. ``quick``: it needs no time limit to end."""

    service: str
    fault: str
    change: Change
    quick: bool = True
    verdicts: tuple[str, ...] = ("incomplete",)

    @property
    def tenth(self) -> int:
        """The tenth of the table that it belongs to: 0 to 9, the same each time."""
        return zlib.crc32(f"{self.service} {self.fault}".encode()) % 10

    @property
    def is_of_aws(self) -> bool:
        """Whether AWS has the fault, which begins when the environment was made."""
        return self.service not in ("DNS", *_PORTS)

    @property
    def seconds(self) -> float:
        """The most that it may take: for `run` its time limit, and 2 seconds."""
        return SECONDS_OF_RUN + 2 if self.service == "run" else 20

    def command(self, environment: Environment) -> list[str]:
        """Give the arguments of the command; call it before the environment is made."""
        if self.service != "run":
            return [*environment.command, "--format", "json"]
        environment.arguments = []
        with_log(environment)
        return arguments(environment, "--timeout", str(SECONDS_OF_RUN))

    def complaint(self, ended: Ended) -> str:
        """What is wrong with the end of a run; empty if nothing is."""
        if "Traceback" in ended.out + ended.err:
            return "a traceback"
        if ended.code == 2:
            return "" if not ended.out and len(ended.err.splitlines()) == 1 else "not one message"
        if ended.code not in (0, 1, 3):
            return f"exit code {ended.code}"
        verdict = ended.document["verdict"]
        if any(finding["status"] == "error" for finding in ended.document["subjects"][0]["findings"]):
            return "a check with the status error"
        return "" if verdict in self.verdicts else f"verdict {verdict}"


def modes() -> Iterator[Mode]:
    """All modes of AWS, DNS, KDC, LDAP and `run`."""
    for service in SERVICES:
        # The caller's identity decides nothing if the role is found: all else may pass without it.
        verdicts = ("pass", "incomplete") if service == "sts" else ("incomplete",)
        for name in LIES:
            yield Mode(service, name, partial(_lie, service=service, name=name), name not in ENDLESS, verdicts)
        yield Mode(service, "silence", partial(_silence, service=service), False, verdicts)
        for code in CODES:
            yield Mode(service, code, partial(_rejected, service=service, code=code))
    for name, faults in CONTROLLERS.items():
        for fault, servers in faults.items():
            server = partial(_controller, servers=servers, port=_PORTS[name])
            yield Mode(name, fault, server, False, ("incomplete", "fail"))
    for fault, run in DNS.items():
        yield Mode("DNS", fault, changes.dns_server(run), False, ("incomplete", "fail"))
    for service, calls in CALLS_OF_RUN.items():
        for call in calls:
            for fault in FAULTS_OF_RUN:
                change = partial(_of_run, service=service, call=call, fault=fault)
                yield Mode("run", f"{call}: {fault}", change, False, ("incomplete", "fail"))


def _lie(_: object, lab: Lab, service: str, name: str) -> None:
    lab.aws.lie(service, "*", LIES[name])


def _silence(_: object, lab: Lab, service: str) -> None:
    lab.aws.hang(service, "*")


def _rejected(_: object, lab: Lab, service: str, code: str) -> None:
    lab.aws.expire(service, "*", code)


def _of_run(_: object, lab: Lab, service: str, call: str, fault: str) -> None:
    if fault == "silence":
        lab.aws.hang(service, call)
    elif fault in CODES:
        lab.aws.expire(service, call, fault)
    else:
        lab.aws.lie(service, call, LIES[fault])


def _controller(environment: Environment, lab: Lab, port: int, servers: object) -> None:
    """A second domain controller, whose port has the fault; DNS names no other."""
    assert callable(servers)
    address = servers(lab, port)
    changes.dns_server(lambda lab: lab.dns_of_controllers({"dc9.corp.example": address}))(environment, lab)

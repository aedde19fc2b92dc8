"""The modes: a service, a fault, and the words with which a run may end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product

from tests.chaos.servers import CONTROLLERS, DNS
from tests.command import Ended
from tests.lab.environment import Environment
from tests.lab.lies import LIES
from tests.lab.loopback import fresh_address
from tests.probe.service import arguments, with_log
from tests.scenarios import changes
from tests.scenarios.lab import Change, Lab

SERVICES = ("*", "ecs", "s3", "secretsmanager", "iam", "ec2", "ds", "sts")
ENDLESS = ("an answer that drips", "an answer that stops", "an endless answer", "a gzip bomb")
"""Those that take seconds, or many bytes."""
CODES = ("ExpiredToken", "InvalidSignatureException", "AuthFailure", "UnrecognizedClientException")
CALLS_OF_RUN = (
    "ecs ListTasks",
    "ecs RegisterTaskDefinition",
    "ecs RunTask",
    "ecs DescribeTasks",
    "logs GetLogEvents",
)
"""Those that it makes, except the last ones."""
CALLS_OF_REMOVAL = (
    "ecs StopTask",
    "ecs ListTaskDefinitions",
    "ecs DeregisterTaskDefinition",
    "logs DescribeLogStreams",
    "logs DeleteLogStream",
)
"""Those that it makes last: the probe has passed, and the report warns of what was not removed."""
FAULTS_OF_RUN = ("HTML with 200", "an empty object", "silence", "ExpiredToken")
SECONDS_OF_RUN = 40
"""Its `--timeout`."""


def _ldap_at(run: Callable[[Lab], str]) -> Change:
    """Let the domain controller's own name, for which it has an SPN, lead to another LDAP server; its KDC is well."""

    def dns(lab: Lab) -> str:
        host, domain = lab.dc.host, lab.dc.domain
        srv = [f"0 100 88 kdc.{domain}."]
        kerberos = {(f"{name}.{domain}", "SRV"): srv for name in ("_kerberos._tcp", "_kerberos._tcp.dc._msdcs")}
        return lab.dns({**kerberos, (host, "A"): [run(lab)], (f"kdc.{domain}", "A"): [lab.dc.ip]})

    return changes.dns_server(dns)


_CONTROLLERS = {"KDC": (88, changes.kdc_at), "LDAP": (389, _ldap_at)}
"""The port of each service, and the change that lets DNS name another server for it alone."""


_SLOW = (
    "silence",
    "dropped packets",
    "half a message",
    "a few bytes at intervals",
    "endless zeros",
    "endless messages",
)
_QUICK_DNS = (
    *("REFUSED", "SERVFAIL", "no such name", "no data", "not implemented", "an alias of itself"),
    *("a target that is the root", "a target of 250 characters", "a target with controls"),
)
BOTH_PORTS = ("silence", "dropped packets", "hanging up", "half a message", "a few bytes at intervals")
"""Faults of a whole domain controller."""


def _with(fault: str, *names: str) -> Callable[[Lab], str]:
    """Run servers with this fault at an address of their own, on the ports of these services."""

    def run(lab: Lab) -> str:
        address = fresh_address()
        for name in names:
            port, _ = _CONTROLLERS[name]
            lab.stack.enter_context(CONTROLLERS[name][fault](address, port))
        return address

    return run


def _one_of_two(fault: str) -> Change:
    """The first domain controller in DNS has the fault."""
    return changes.dns_server(
        lambda lab: lab.dns_of_controllers(
            {"dc9.corp.example": _with(fault, *_CONTROLLERS)(lab), lab.dc.host: lab.dc.ip}
        )
    )


def _both(fault: str) -> Change:
    return changes.dns_server(
        lambda lab: lab.dns_of_controllers({f"dc{n}.corp.example": _with(fault, *_CONTROLLERS)(lab) for n in (8, 9)})
    )


@dataclass(frozen=True)
class Mode:
    """A fault of a service. ``quick``: it needs no time limit to end."""

    service: str
    fault: str
    change: Change
    quick: bool = True
    verdicts: tuple[str, ...] = ("incomplete",)

    @property
    def is_of_aws(self) -> bool:
        """Whether AWS has the fault, which begins when the environment was made."""
        return self.service in (*SERVICES, "run")

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
        statuses = ended.statuses()
        if "error" in statuses.values():
            return "a check with the status error"
        if verdict == "pass" and self.service == "run" and statuses["probe.removed"] != "warn":
            return "no warning of what was not removed"
        return "" if verdict in self.verdicts else f"verdict {verdict}"


def modes() -> Iterator[Mode]:
    """All modes of AWS, DNS, KDC, LDAP and `run`."""
    yield from _of_aws()
    yield from _of_the_domain()
    for call, fault in product((*CALLS_OF_RUN, *CALLS_OF_REMOVAL), FAULTS_OF_RUN):
        verdicts = ("pass",) if call in CALLS_OF_REMOVAL else ("incomplete",)
        change = partial(_of_run, call=call, fault=fault)
        yield Mode("run", f"{call.partition(' ')[2]}: {fault}", change, False, verdicts)


def _of_aws() -> Iterator[Mode]:
    for service in SERVICES:
        # The caller's identity decides nothing if the role is found: all else may pass without it.
        verdicts = ("pass", "incomplete") if service == "sts" else ("incomplete",)
        for name in LIES:
            yield Mode(service, name, partial(_lie, service=service, name=name), name not in ENDLESS, verdicts)
        yield Mode(service, "silence", partial(_silence, service=service), False, verdicts)
        for code in CODES:
            yield Mode(service, code, partial(_rejected, service=service, code=code))


def _of_the_domain() -> Iterator[Mode]:
    unproven = ("incomplete", "fail")
    for name, faults in CONTROLLERS.items():
        for fault in faults:
            _, change = _CONTROLLERS[name]
            yield Mode(name, fault, change(_with(fault, name)), fault not in _SLOW, unproven)
    for fault in BOTH_PORTS:
        yield Mode("one DC of two", fault, _one_of_two(fault), False, ("pass",))
        yield Mode("both DCs", fault, _both(fault), False, unproven)
    for fault, run in DNS.items():
        yield Mode("DNS", fault, changes.dns_server(run), fault in _QUICK_DNS, unproven)


def _lie(_: object, lab: Lab, service: str, name: str) -> None:
    lab.aws.lie(service, "*", LIES[name])


def _silence(_: object, lab: Lab, service: str) -> None:
    lab.aws.hang(service, "*")


def _rejected(_: object, lab: Lab, service: str, code: str) -> None:
    lab.aws.expire(service, "*", code)


def _of_run(_: object, lab: Lab, call: str, fault: str) -> None:
    service, _, call = call.partition(" ")
    lab.aws.fargate.waits_for_stop = call == "StopTask"
    if fault == "silence":
        lab.aws.hang(service, call)
    elif fault in CODES:
        lab.aws.expire(service, call, fault)
    else:
        lab.aws.lie(service, call, LIES[fault])

"""The domain's SRV records, asked as the task would ask them."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.authoring import (
    Cause,
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Row,
    ShowsAs,
    Status,
    Stop,
    check,
    failed,
    passed,
    skipped,
    warned,
)
from gmsa_doctor.clients.dns.resolver import Dns, Srv
from gmsa_doctor.core.errors import ClientError, CutOff, NotFound, Refused
from gmsa_doctor.core.limits import each
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.domain import domain_in_use, srv_name
from gmsa_doctor_checks.network_access.values import Passage
from gmsa_doctor_checks.reachability.flow import Need
from gmsa_doctor_checks.silence import judge_silence
from gmsa_doctor_checks.values import Account, DomainControllers, DomainName, Endpoint, GmsaNames
from gmsa_doctor_checks.vpc_dns.values import ResolverWay, VpcDns

_GROUPS = "network-access.security-groups"


@dataclass(frozen=True)
class _NamedHosts:
    """Addresses by host name, and why a host has none."""

    addresses: dict[str, tuple[str, ...]]
    missing: dict[str, str]

    def endpoints(self, records: tuple[Srv, ...]) -> tuple[Endpoint, ...]:
        return tuple(
            Endpoint(one.target, address, one.port) for one in records for address in self.addresses.get(one.target, ())
        )


@check(
    "dns.domain-controllers",
    title="DNS names the domain controllers",
    cause=Cause.DHCP_OPTIONS,
    docs=links.DC_LOCATOR,
    shows=(texts.NO_DNS, texts.NO_DC),
)
def domain_controllers(
    names: GmsaNames,
    account: Outcome[Account],
    dns: Dns,
    vantage: Vantage,
    way: Outcome[VpcDns],
    resolver: Outcome[ResolverWay],
    passage: Outcome[Passage],
) -> Result[DomainControllers]:
    """Asks for the SRV records of the domain controllers and KDCs, and for the addresses of their targets.

    Why: Credentials Fetcher takes its list of domain controllers from `_ldap._tcp.dc._msdcs.<domain>`, and
    Kerberos finds the KDCs by `_kerberos._tcp.<domain>`. Without an answer nothing else can work.

    Fix: let the task's DNS servers be those of the AD, or forward the domain to them; register the domain
    controllers' records again if they are missing.
    """
    domain = domain_in_use(names, account)
    questions = (srv_name(domain), f"_kerberos._tcp.{domain.text}", f"_kerberos._udp.{domain.text}")
    ldap, tcp, udp = (answer for _, answer in each(questions, dns.srv))
    silent = isinstance(ldap, ClientError) and isinstance(tcp, ClientError)
    for question, answer in ((questions[0], ldap), (questions[1], tcp)):
        if isinstance(answer, ClientError):
            shows = texts.NO_DC if question == questions[0] and not silent else texts.NO_DNS
            raise Stop(
                _closed(passage, answer, vantage)
                or _no_records(domain, names, question, answer, vantage, way, resolver, shows)
            )
    assert not isinstance(ldap, ClientError)  # noqa: S101 - for the type checker: the loop has stopped
    assert not isinstance(tcp, ClientError)  # noqa: S101
    hosts = _resolve(dns, tuple(dict.fromkeys(one.target for one in (*ldap, *tcp))))
    value = DomainControllers(domain, hosts.endpoints(ldap), hosts.endpoints(tcp))
    if not value.ldap or not value.kdcs:
        raise Stop(judge_silence(_no_addresses(domain, hosts), vantage))
    return Given(value, _judge(value, hosts, udp if isinstance(udp, ClientError) else None, dns))


def _resolve(dns: Dns, targets: tuple[str, ...]) -> _NamedHosts:
    addresses: dict[str, tuple[str, ...]] = {}
    missing: dict[str, str] = {}
    for target, answer in each(targets, dns.addresses):
        if isinstance(answer, ClientError):
            missing[target] = answer.text
        else:
            addresses[target] = answer
    return _NamedHosts(addresses, missing)


def _judge(value: DomainControllers, hosts: _NamedHosts, udp: ClientError | None, dns: Dns) -> Finding:
    rows = (
        *(Row(host, Status.PASS, ", ".join(ips)) for host, ips in hosts.addresses.items()),
        *(Row(host, Status.WARN, why) for host, why in hosts.missing.items()),
    )
    if hosts.missing:
        return warned(
            f"no address for {', '.join(hosts.missing)}, which the SRV records of {value.domain.text} name; "
            "Credentials Fetcher loses time there",
            expected="an A or AAAA record for each domain controller",
            fix=Fix("Register the domain controller's host record, or remove the SRV records of one that is gone."),
            rows=rows,
        )
    if udp is not None:
        return warned(
            f"_kerberos._udp.{value.domain.text} is missing: {udp.text}; Kerberos falls back to TCP",
            expected="SRV records for UDP and TCP",
            fix=Fix("Register the domain controllers' records again (on each: `nltest /dsregdns`)."),
            rows=rows,
        )
    count = len(hosts.addresses)
    word = "domain controller" if count == 1 else "domain controllers"
    summary = f"{count} {word} of {value.domain.text}, asked of {', '.join(dns.servers)}"
    return passed(summary, rows=rows)


def _closed(passage: Outcome[Passage], error: ClientError, vantage: Vantage) -> Finding | None:
    """Silence that is to be expected with these routes, security groups or network ACLs is no fault of its own."""
    ids = passage.value.closed_by(Need.DNS) if passage.value else ()
    if not ids or not vantage.own_resolver or isinstance(error, NotFound | Refused):
        return None
    return skipped(f"no answer, as is to be expected with what the network lets pass: {error.text}", because=ids)


def _no_records(
    domain: DomainName,
    names: GmsaNames,
    question: str,
    error: ClientError,
    vantage: Vantage,
    way: Outcome[VpcDns],
    resolver: Outcome[ResolverWay],
    shows: ShowsAs,
) -> Finding:
    for what, outcome in (("these DHCP options", way), ("this Resolver rule", resolver)):
        behind = _behind(outcome.finding)
        if outcome.value is None and behind and vantage.own_resolver:
            return skipped(f"no answer, as is to be expected with {what}: {error.text}", because=behind)
    if isinstance(error, CutOff):
        return judge_silence(_cut_off(domain, question, error, shows), vantage)
    other = f" (the secret's domainName; the CredSpec says {names.domain.text})" if domain != names.domain else ""
    failure = failed(
        f"the SRV records of {domain.text}{other} were not found: {error.text}",
        observed=f"{question}: {error.text}",
        expected="SRV records that name the domain controllers",
        fix=Fix(
            f"Check that {domain.text} is the AD domain's DNS name, and let the VPC's DHCP options (or a Resolver "
            "rule) lead to the AD's DNS servers. Ask one of these itself:",
            (f"dig +short SRV {posix(question)} {posix('@<address of a DNS server of the AD>')}",),
        ),
        shows_as=shows,
    )
    return judge_silence(failure, vantage, way.value.servers if way.value else ())


def _behind(finding: Finding) -> tuple[str, ...]:
    """The failure that lets nothing be forwarded; that of the task's groups may be one of the endpoint's too."""
    if finding.status is Status.FAIL:
        return (finding.check,)
    return finding.because if _GROUPS in finding.because else ()


def _cut_off(domain: DomainName, question: str, error: CutOff, shows: ShowsAs) -> Finding:
    return failed(
        f"the SRV records of {domain.text} do not fit into a UDP answer, and DNS over TCP gives none: {error.text}",
        observed=f"{question}: {error.text}",
        expected="answers over UDP and TCP 53",
        fix=Fix(
            "Allow TCP 53 beside UDP 53 from the task's security group to the DNS servers: security groups on both "
            "sides, network ACLs, firewalls. Many domain controllers make long answers.",
            (f"dig +tcp SRV {posix(question)} {posix('@<address of the DNS server>')}",),
        ),
        shows_as=shows,
    )


def _no_addresses(domain: DomainName, hosts: _NamedHosts) -> Finding:
    return failed(
        f"no domain controller that the SRV records of {domain.text} name has an address",
        observed="; ".join(f"{host}: {why}" for host, why in hosts.missing.items()),
        expected="an A or AAAA record for each domain controller",
        fix=Fix("Register the domain controllers' host records (on each: `ipconfig /registerdns`)."),
        shows_as=texts.NO_DC,
    )

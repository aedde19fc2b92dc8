"""The domain's SRV records, resolved as the task would resolve them."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import (
    Cause,
    CheckId,
    Finding,
    Fix,
    Given,
    Outcome,
    Owner,
    Result,
    Row,
    ShowsAs,
    Status,
    Stop,
    check,
    deferred_to,
    failed,
    fix_in_steps,
    passed,
    warned,
)
from gmsa_doctor.clients.dns.resolver import Dns, Srv
from gmsa_doctor.core.errors import ClientError, CutOff, NotFound, Refused
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.ecs_config import EcsConfig
from gmsa_doctor.formats.documents.names import lacks_dot
from gmsa_doctor.given.subject import AwsPlace, Platform
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import edit_secret, posix
from gmsa_doctor_checks.domain import domain_in_use, srv_name
from gmsa_doctor_checks.fetcher_settings import EDIT, overrides, quoted
from gmsa_doctor_checks.network_access.values import Passage
from gmsa_doctor_checks.reachability.flow import Need
from gmsa_doctor_checks.silence import judge_silence, split
from gmsa_doctor_checks.values import Account, DhcpOptions, DomainControllers, DomainName, Endpoint, GmsaNames
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import (
    ANY_SERVERS,
    forward_rule,
    options_or_rule,
    own_servers,
)
from gmsa_doctor_checks.vpc_dns.resolver_rule import set_targets
from gmsa_doctor_checks.vpc_dns.values import OutboundEndpoint, ResolverFilter, VpcDns

_LDAP = 389
_GROUPS = CheckId("network-access.security-groups")


@check(
    "dns.domain-controllers",
    title="DNS lists the domain controllers",
    cause=Cause.DHCP_OPTIONS,
    docs=links.DC_LOCATOR,
    shows=(texts.NO_DNS, texts.NO_DC),
)
def domain_controllers(
    names: GmsaNames,
    account: Outcome[Account],
    dns: Dns,
    vantage: Vantage,
    vpc_dns: Outcome[VpcDns],
    resolver: Outcome[OutboundEndpoint],
    passage: Outcome[Passage],
    firewall: Outcome[ResolverFilter],
    options: Outcome[DhcpOptions],
    place: AwsPlace,
    platform: Platform,
    config: EcsConfig,
) -> Result[DomainControllers]:
    """Resolves the SRV records of the domain controllers and KDCs, and the addresses of their targets.

    Why: Credentials Fetcher takes its list of domain controllers from `_ldap._tcp.dc._msdcs.<domain>`, and Kerberos
    finds the KDCs by `_kerberos._tcp.<domain>`. Without these records, nothing else works.

    Fix: Set the task's DNS servers to those of the AD, or forward the domain to them. If the domain controllers'
    records are missing, register them again.
    """
    domain = domain_in_use(names, account)
    locator, kerberos = srv_name(domain), f"_kerberos._tcp.{domain.text}"
    kerberos_udp = f"_kerberos._udp.{domain.text}"
    records, unanswered = split(each((locator, kerberos, kerberos_udp), dns.srv))
    servers = vpc_dns.value.servers if vpc_dns.value else ()
    host = overrides(config, platform).domain_controller
    if kerberos in unanswered and kerberos_udp in records:  # libkrb5 looks for both
        records[kerberos] = records[kerberos_udp]
    for question in (kerberos,) if host else (locator, kerberos):
        if question not in records:
            shows = texts.NO_DC if question == locator and kerberos in records else texts.NO_DNS
            error = unanswered[question]
            explained = explained_by_vpc(error, vantage, vpc_dns, resolver, passage, firewall)
            fix = _to_the_ad(domain, options.value, vpc_dns.value, place)
            failure = _no_records(domain, names, account.value, question, error, shows, dns.servers, fix)
            raise Stop(explained or judge_silence(failure, vantage, servers))
    of_ldap = records.get(locator, ())
    targets = dict.fromkeys(record.target for record in (*of_ldap, *records[kerberos]))
    addresses, errors = split(each(targets, dns.addresses))
    value = DomainControllers(domain, _endpoints(of_ldap, addresses), _endpoints(records[kerberos], addresses))
    if not (value.ldap or host) or not value.kdcs:
        failure = failed(
            f"no domain controller in the SRV records of {domain.text} has an address",
            observed="; ".join(f"{host}: {error.text}" for host, error in errors.items()),
            expected="an A or AAAA record for each domain controller",
            fix=Fix("Register the domain controllers' host records again (on each).", ("ipconfig /registerdns",)),
            shows_as=texts.NO_DC,
        )
        raise Stop(judge_silence(failure, vantage))
    if host:
        return _only(host, value, dns, vantage)
    rows = (
        *(Row(host, Status.PASS, ", ".join(ips)) for host, ips in addresses.items()),
        *(Row(host, Status.WARN, error.text) for host, error in errors.items()),
    )
    if errors:
        finding = warned(
            f"no address for {', '.join(errors)}, listed in the SRV records of {domain.text}; Credentials Fetcher "
            "waits for them until a timeout",
            expected="an A or AAAA record for each domain controller",
            fix=Fix(
                "Register the domain controller's host record again (on it), or remove the SRV records if it no longer "
                "exists.",
                ("ipconfig /registerdns",),
            ),
            rows=rows,
        )
    elif missing := next((name for name in (kerberos, kerberos_udp) if name in unanswered), None):
        fallback = "TCP" if missing == kerberos_udp else "UDP, which is too small for many tickets"
        finding = warned(
            f"{missing} is missing: {unanswered[missing].text}; Kerberos falls back to {fallback}",
            expected="SRV records for UDP and TCP",
            fix=Fix("Register the domain controllers' records again (on each).", ("nltest /dsregdns",)),
            rows=rows,
        )
    else:
        word = "domain controller" if len(addresses) == 1 else "domain controllers"
        finding = passed(
            f"{len(addresses)} {word} of {domain.text}, from DNS server {', '.join(dns.servers)}", rows=rows
        )
    return Given(value, finding)


def _only(host: str, found: DomainControllers, dns: Dns, vantage: Vantage) -> Result[DomainControllers]:
    """The domain controller that ecs.config names, instead of those in the SRV records of LDAP."""
    if deferred := quoted(host):
        raise Stop(deferred)
    addresses, errors = split(each((host,), dns.addresses))
    if errors:
        failure = failed(
            f"ecs.config names the domain controller {host}, whose address was not found: {errors[host].text}",
            observed=errors[host].text,
            expected="the full DNS name of a domain controller",
            fix=Fix(
                "1. Set the name of an existing domain controller in ecs.config, or remove the setting (command 1). "
                "2. Restart Credentials Fetcher (command 2).",
                EDIT,
                Owner.AWS,
            ),
            shows_as=texts.NO_DC_ANSWERS,
        )
        raise Stop(judge_silence(failure, vantage))
    ldap = tuple(Endpoint(host, address, _LDAP) for address in addresses[host])
    rows = (Row(host, Status.PASS, ", ".join(addresses[host])),)
    return Given(replace(found, ldap=ldap), passed(f"ecs.config names {host}, the only one for LDAP", rows=rows))


def _endpoints(records: tuple[Srv, ...], addresses: dict[str, tuple[str, ...]]) -> tuple[Endpoint, ...]:
    return tuple(
        Endpoint(record.target, address, record.port)
        for record in records
        for address in addresses.get(record.target, ())
    )


def explained_by_vpc(
    error: ClientError,
    vantage: Vantage,
    vpc_dns: Outcome[VpcDns],
    resolver: Outcome[OutboundEndpoint],
    passage: Outcome[Passage],
    firewall: Outcome[ResolverFilter],
) -> Finding | None:
    """Deferred to the checks of the VPC's network and DNS settings, if these explain the error."""
    if not vantage.own_resolver:
        return None
    ids = passage.value.closed_by(Need.DNS) if passage.value else ()
    if ids and not isinstance(error, NotFound | Refused):
        return deferred_to(ids, f"no answer, as expected, since the network blocks DNS: {error.text}")
    causes = (("these DHCP options", vpc_dns), ("this Resolver rule", resolver), ("this DNS Firewall rule", firewall))
    for cause, outcome in causes:
        # the Resolver endpoint may share the task's security groups
        failed_there = outcome.finding.status is Status.FAIL or _GROUPS in outcome.finding.because
        if outcome.value is None and failed_there:
            return deferred_to(outcome.finding, f"no answer, as expected with {cause}: {error.text}")
    return None


def _to_the_ad(domain: DomainName, options: DhcpOptions | None, used: VpcDns | None, place: AwsPlace) -> Fix:
    """Send the queries to the AD: by the Resolver rule or the DHCP options that the VPC uses now."""
    servers = ANY_SERVERS
    if used and used.rule:
        text = f"If it lists domain controllers, set it as the target of {used.rule.id}, the Resolver rule in use."
        return Fix(text, (set_targets(used.rule.id, servers, place),))
    options = options or DhcpOptions("<VPC>", "the DHCP options set", servers, None)
    make = options_or_rule if own_servers(options) else forward_rule
    fix = make(options, domain, servers, place)
    return replace(fix, text=f"If it lists domain controllers, send the queries for {domain.text} to it. {fix.text}")


def _no_records(
    domain: DomainName,
    names: GmsaNames,
    account: Account | None,
    question: str,
    error: ClientError,
    shows: ShowsAs,
    servers: tuple[str, ...],
    to_the_ad: Fix,
) -> Finding:
    observed = error.text if question in error.text else f"{question}: {error.text}"
    if isinstance(error, CutOff):
        return failed(
            f"the SRV records of {domain.text} do not fit into a UDP answer, and DNS over TCP gives none: {error.text}",
            observed=observed,
            expected="answers over UDP and TCP 53",
            fix=Fix(
                "Allow TCP 53 in addition to UDP 53 from the task's security group to the DNS servers: security groups "
                "on both sides, network ACLs, firewalls. With many domain controllers, answers are too long for UDP.",
                (f"dig +tcp SRV {posix(question)} {posix('@<address of the DNS server>')}",),
                owner=Owner.AWS,
            ),
            shows_as=shows,
        )
    other = f" (the secret's domainName; the CredSpec names {names.domain.text})" if domain != names.domain else ""
    summary = f"the SRV records of {domain.text}{other} were not found: {error.text}"
    if isinstance(error, NotFound):
        summary = f"DNS server {', '.join(servers)} has no SRV record {question} for the AD domain{other}"
    field = "domainName in the secret" if domain != names.domain else "the domain name in the CredSpec"
    if lacks_dot(domain.text):
        return failed(
            f"{summary}; {domain.text.upper()} has no dot and is probably the domain's NetBIOS name",
            observed=observed,
            expected="the AD domain's full DNS name",
            fix=Fix(
                f"Set {'domainName in the secret' if account else field} to the AD domain's full DNS name.",
                edit_secret(account.arn) if account else (),
                Owner.AWS if account else Owner.DEVELOPER,
            ),
            shows_as=shows,
        )
    return failed(
        summary,
        observed=observed,
        expected=f"SRV records {question} that list the domain controllers",
        fix=fix_in_steps(
            Fix(
                "Query a DNS server of the AD.",
                (f"dig +short SRV {posix(question)} {posix('@<address of a DNS server of the AD>')}",),
            ),
            to_the_ad,
            Fix(
                f"If that DNS server of the AD lists no domain controller, leave the VPC as it is. If {domain.text} "
                f"is not the AD's domain name, developer: correct {field}. If it is, AD administrator: run nltest "
                "/dsregdns on each domain controller. In both cases, run gmsa-doctor again afterwards."
            ),
            owner=Owner.AWS,
        ),
        shows_as=shows,
    )

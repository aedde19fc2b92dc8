"""``gmsa-doctor credspec``: write a CredSpec, without a Windows computer."""

from __future__ import annotations

import re
import shlex
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from gmsa_doctor.cli import options
from gmsa_doctor.cli.app import command
from gmsa_doctor.cli.effects import require_effect, typed
from gmsa_doctor.cli.fields_as_parameters import fields_as_parameters
from gmsa_doctor.cli.options import Many
from gmsa_doctor.cli.process import guarded, print_, say
from gmsa_doctor.core.errors import ClientError, UsageError
from gmsa_doctor.core.exit_code import ExitCode
from gmsa_doctor.core.model import Status
from gmsa_doctor.given.request import Live, Request

if TYPE_CHECKING:
    from gmsa_doctor.formats.aws.arn import SecretArn
    from gmsa_doctor.formats.documents.credspec_text import DomainIdentity


_SID = re.compile(r"S-1-5-21(-\d{1,10}){3}")


class Purpose(StrEnum):
    """Which tasks the CredSpec is for."""

    DOMAINLESS = "domainless"
    EC2_JOINED = "ec2-joined"


@dataclass(frozen=True, kw_only=True)
class ContentOptions:
    """What the CredSpec names."""

    PANEL: ClassVar = "CredSpec"
    gmsa: Annotated[str | None, typer.Option(metavar="NAME", help="The gMSA, without $.")] = None
    domain: Annotated[str | None, typer.Option(metavar="NAME", help="The DNS name of its AD domain.")] = None
    secret: Annotated[
        str | None, typer.Option(metavar="ARN", help="The secret with the AD user, in AWS Secrets Manager.")
    ] = None
    purpose: Annotated[
        Purpose,
        typer.Option(
            "--for", help="domainless: Fargate, and EC2 without a domain join. ec2-joined: domain-joined instances."
        ),
    ] = Purpose.DOMAINLESS
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the CredSpec to a file.")] = None


@dataclass(frozen=True, kw_only=True)
class DirectoryOptions:
    """How the AD is queried."""

    PANEL: ClassVar = "AD"
    as_: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="USER", help="Log on as this user instead of the secret's. Prompts for a password."
        ),
    ] = None
    as_keytab: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A keytab of that user, instead of the prompt.")
    ] = None
    dns_server: Annotated[Many, typer.Option(metavar="IP[,IP]", help="Query these DNS servers for the domain.")] = None
    profile: Annotated[str | None, typer.Option(metavar="PROFILE", help="The AWS profile to read the secret with.")] = (
        None
    )


@dataclass(frozen=True, kw_only=True)
class OfflineOptions:
    """The domain's data, without the AD."""

    PANEL: ClassVar = "Without the AD"
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Send nothing anywhere: take the domain's data from the options below. Credentials Fetcher on Linux "
            "ignores them; Windows and domain-joined hosts do not.",
        ),
    ] = False
    sid: Annotated[str | None, typer.Option(metavar="SID", help="(Get-ADDomain).DomainSID")] = None
    guid: Annotated[str | None, typer.Option(metavar="GUID", help="(Get-ADDomain).ObjectGUID")] = None
    net_bios_name: Annotated[
        str | None, typer.Option("--netbios-name", metavar="NAME", help="(Get-ADDomain).NetBIOSName")
    ] = None
    forest: Annotated[str | None, typer.Option(metavar="NAME", help="(Get-ADDomain).Forest  [default: the domain]")] = (
        None
    )


@dataclass(frozen=True, kw_only=True)
class CredSpecArguments:
    """The options of ``credspec``, in the order of its help."""

    content: ContentOptions
    directory: DirectoryOptions
    without: OfflineOptions


@command(
    "credspec",
    examples="""
gmsa-doctor credspec --gmsa webapp01 --domain corp.example --secret ARN --output webapp01_CredSpec.json
gmsa-doctor credspec --gmsa webapp01 --domain corp.example --secret ARN --as admin --dns-server 10.0.0.10
gmsa-doctor credspec --gmsa webapp01 --domain corp.example --for ec2-joined --as admin
""",
)
@fields_as_parameters
def credspec(context: typer.Context, arguments: CredSpecArguments) -> None:
    """Write a CredSpec, without a Windows computer.

    Reads the domain's SID, GUID and names and the gMSA from the AD, as the secret's user or with --as. Checks the
    result, and prints the command that uploads it. Changes nothing in AWS or the AD.
    """
    guarded(lambda: _write(context, arguments))


def _write(context: typer.Context, arguments: CredSpecArguments) -> ExitCode:
    from gmsa_doctor.formats.documents.credspec_text import credspec_text

    given, content, offline = typed(context), arguments.content, arguments.without.offline
    joined = content.purpose is Purpose.EC2_JOINED
    require_effect(
        given,
        (["--sid", "--guid", "--netbios-name", "--forest"], not offline, "without --offline: the AD has them"),
        (["--as", "--as-keytab", "--dns-server", "--profile"], offline, "with --offline"),
        (["--secret"], joined, "with --for ec2-joined"),
        (["--as-keytab"], arguments.directory.as_ is None, "without --as"),
        (["--profile"], arguments.directory.as_, "with --as"),
    )
    gmsa, domain_name = _names(content)
    arn = None if joined else _secret(content.secret)
    try:
        if offline:
            domain = _given_domain(domain_name, arguments.without)
        else:
            gmsa, domain = _of_directory(gmsa, domain_name, arn, arguments.directory)
    except ClientError as error:
        return _unanswered(error)
    text = credspec_text(gmsa, domain, str(arn) if arn else None)
    code = ExitCode.PASS if joined else _check(text)
    print_(text, content.output)
    name = str(content.output or f"{gmsa}_CredSpec.json")
    say(f"upload it with: aws s3 cp {shlex.quote(name)} {shlex.quote(f's3://<bucket>/{Path(name).name}')}")
    return code


def _names(content: ContentOptions) -> tuple[str, str]:
    from gmsa_doctor.formats.documents import names

    missing = [option for option, value in (("--gmsa", content.gmsa), ("--domain", content.domain)) if not value]
    if missing or content.gmsa is None or content.domain is None:
        raise UsageError(f"{' and '.join(missing)} required: the name of the gMSA, and the DNS name of its AD domain")
    if names.account_name_defects(content.gmsa):
        name = names.bare_account_name(content.gmsa)
        raise UsageError(f"--gmsa {content.gmsa}: give the gMSA's name without $ and without a domain, such as {name}")
    if defect := names.domain_name_defect(content.domain, needs_dot=True):
        raise UsageError(
            f"--domain {content.domain}: {defect}; give the DNS name of the AD domain, such as corp.example"
        )
    return content.gmsa, content.domain.lower()


def _secret(text: str | None) -> SecretArn:
    from gmsa_doctor.formats.aws.arn import ArnError, parse_secret_arn

    if text is None:
        raise UsageError("--secret is required: the ARN of the secret with the AD user (or give --for ec2-joined)")
    try:
        return parse_secret_arn(text)
    except ArnError as error:
        raise UsageError(f"--secret {text}: {error.reason}") from error


def _given_domain(name: str, given: OfflineOptions) -> DomainIdentity:
    from gmsa_doctor.formats.ad import guid
    from gmsa_doctor.formats.documents.credspec_text import DomainIdentity

    values = {"--sid": given.sid, "--guid": given.guid, "--netbios-name": given.net_bios_name}
    missing = [option for option, value in values.items() if not value]
    if missing or not (given.sid and given.guid and given.net_bios_name):
        raise UsageError(
            f"--offline requires {', '.join(missing)}: on a Windows computer of the domain, Get-ADDomain shows them"
        )
    plain = guid.plain(given.guid)
    if plain is None:
        raise UsageError(f"--guid {given.guid}: not a GUID such as 5c0d2e9b-8f43-4e0c-9d55-6b1f0f5b7c11")
    if not _SID.fullmatch(given.sid):
        raise UsageError(
            f"--sid {given.sid}: not the SID of a domain, such as S-1-5-21-1004336348-1177238915-682003330"
        )
    return DomainIdentity(name, (given.forest or name).lower(), given.net_bios_name, given.sid, plain)


def _of_directory(gmsa: str, domain: str, arn: SecretArn | None, how: DirectoryOptions) -> tuple[str, DomainIdentity]:
    from gmsa_doctor.cli import ask_as, credspec_domain

    servers = options.items(how.dns_server)
    options.require_addresses("--dns-server", servers)
    account = ask_as.account(how.as_, how.as_keytab, Request(live=Live.ALWAYS))
    if account is None:
        if arn is None:
            raise UsageError(
                "--for ec2-joined has no secret with a user: give --as USER, or --offline with the domain's data"
            )
        account = credspec_domain.account_of_secret(arn, how.profile)
    answer = credspec_domain.ask(domain, gmsa, account, servers)
    say(f"{answer.host} answered as {answer.user}")
    return answer.gmsa, answer.domain


def _unanswered(error: ClientError) -> ExitCode:
    from gmsa_doctor.cli.credspec_domain import NoGmsa
    from gmsa_doctor.clients.kerberos.kdc_errors import KdcRefusal

    say(f"no CredSpec written: {error.text}")
    return ExitCode.FAIL if isinstance(error, NoGmsa | KdcRefusal) else ExitCode.INCOMPLETE


def _check(text: str) -> ExitCode:
    """Check the CredSpec as `check --credspec-file --offline` does, and report what is wrong with it."""
    from gmsa_doctor.checking import check
    from gmsa_doctor.core import registry

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "credspec.json"
        path.write_text(text, encoding="utf-8")
        request = Request(credspec_file=str(path), offline=True, live=Live.NEVER)
        report = check.check(request, registry.load(), lambda progress: None)
    findings = [finding for subject in report.subjects for finding in subject.findings]
    bad = [finding for finding in findings if finding.status in (Status.FAIL, Status.WARN, Status.ERROR)]
    for finding in bad:
        say(f"{finding.check}: {finding.summary}")
    return ExitCode.FAIL if any(finding.status is not Status.WARN for finding in bad) else ExitCode.PASS

"""``gmsa-doctor krb5-conf``: the Kerberos configuration for the container's image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from gmsa_doctor.cli import options
from gmsa_doctor.cli.app import command
from gmsa_doctor.cli.effects import require_effect, typed
from gmsa_doctor.cli.fields_as_parameters import fields_as_parameters
from gmsa_doctor.cli.options import Many
from gmsa_doctor.cli.process import guarded, print_
from gmsa_doctor.clients.aws import task_metadata
from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.exit_code import ExitCode
from gmsa_doctor.given.request import Live, Request

if TYPE_CHECKING:
    from gmsa_doctor.checking.check import Attempt

CHECK = CheckId("kerberos.krb5-conf")


@dataclass(frozen=True, kw_only=True)
class Krb5ConfArguments:
    """The arguments and options of ``krb5-conf``, in the order of its help."""

    PANEL: ClassVar = "Configuration"
    files: options.Files = None
    subject: options.SubjectOptions
    aws: options.AwsOptions
    offline: options.Offline = False
    domain: Annotated[
        str | None, typer.Option(metavar="NAME", help="The AD domain, instead of a subject. Sends nothing to AWS.")
    ] = None
    spns: Annotated[
        Many,
        typer.Option(
            "--spn", metavar="SPN", help="A server that the application uses, such as MSSQLSvc/db.corp.example:1433."
        ),
    ] = None
    trusted_domains: Annotated[
        Many,
        typer.Option(
            "--trusted-domain",
            metavar="NAME",
            help="Another AD domain with servers that the application uses, such as other.example.",
        ),
    ] = None


@command(
    "krb5-conf",
    examples="""
gmsa-doctor krb5-conf --cluster prod --service web
gmsa-doctor krb5-conf --domain corp.example --spn MSSQLSvc/db.other.example:1433 --trusted-domain other.example
""",
)
@fields_as_parameters
def krb5_conf(context: typer.Context, arguments: Krb5ConfArguments) -> None:
    """Print the krb5.conf that the container's image requires.

    The domain is that of the secret, or of the CredSpec. Servers named with --spn that are in a --trusted-domain get
    its realm in [domain_realm]. Sends nothing to DNS or AD.
    """
    guarded(lambda: _print(context, arguments))


def _print(context: typer.Context, arguments: Krb5ConfArguments) -> ExitCode:
    files = tuple(arguments.files or ())
    request = options.request_of(arguments, files=files, live=Live.NEVER, only=(CHECK,))
    options.require_spns(request.spns)
    options.require_one_service(request, "krb5-conf")
    domain = arguments.domain
    given = [*options.subjects_in(request), *(["--domain"] if domain else [])]
    if len(given) > 1 or (not given and (request.of_services or not task_metadata.inside())):
        raise UsageError(
            "name the domain or the subject: --domain, or --cluster with --service, or --task-definition, or FILES"
            + (f" (given: {' and '.join(given)})" if given else "")
        )
    require_effect(
        typed(context),
        (["--cluster", "--container", "--region", "--profile", "--offline"], domain, "with --domain"),
        (["--offline"], not files, "without FILES"),
        (["--cluster"], files, "on files"),
        (["--profile"], request.offline, "with --offline"),
    )
    others = tuple(arguments.trusted_domains or ())
    _require_domains("--trusted-domain", others)
    if domain is not None:
        _require_domains("--domain", (domain,))
        print_(_render(domain, request.spns, others))
    else:
        print_(_render(_domain_of(request), request.spns, others))
    return ExitCode.PASS


def _require_domains(option: str, domains: tuple[str, ...]) -> None:
    from gmsa_doctor.formats.documents import names

    for domain in domains:
        defect = names.domain_name_defect(domain, needs_dot=True)
        if defect:
            raise UsageError(f"{option} {domain}: {defect}; give the DNS name of an AD domain, such as corp.example")


def _render(domain: str, spns: tuple[str, ...], others: tuple[str, ...]) -> str:
    from gmsa_doctor.formats.ad import krb5_conf

    return krb5_conf.render(domain, tuple(map(krb5_conf.host_of, spns)), others).rstrip("\n")


def _domain_of(request: Request) -> str:
    from gmsa_doctor.checking import check
    from gmsa_doctor.core import registry

    seen = check.attempt(request, registry.load(), lambda progress: None)
    if seen.not_checked.unread:
        raise UsageError("; ".join(f"{unread.location.file}: {unread.text}" for unread in seen.not_checked.unread))
    found = dict.fromkeys(filter(None, map(_domain, seen.execution.values)))
    if len(found) > 1:
        raise UsageError("the containers use several AD domains: name one container with --container")
    if not found:
        raise UsageError(f"the AD domain is unknown: {_reason(seen)}. Give it with --domain")
    return next(iter(found))


def _domain(values: Mapping[type, object]) -> str | None:
    from gmsa_doctor.given.shared_values import Krb5Conf

    value = values.get(Krb5Conf)
    return value.domain if isinstance(value, Krb5Conf) else None


def _reason(seen: Attempt) -> str:
    findings = [finding for subject in seen.subjects for finding in subject.findings]
    by_id = {finding.check: finding for finding in findings}
    root = next((finding for finding in findings if finding.root), None) or by_id.get(CHECK)
    while root and root.because and root.because[0] in by_id:  # the finding itself, not what it blocks
        root = by_id[root.because[0]]
    return root.summary if root else "no container has a CredSpec"

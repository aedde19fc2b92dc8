"""What no answer means: a failure if we are in the task's network, otherwise a skipped check."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from gmsa_doctor.authoring import Finding, Fix, Owner, ShowsAs, failed, skipped
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks.commands import posix

Question = TypeVar("Question")
Answer = TypeVar("Answer")


def split(
    answers: Iterable[tuple[Question, Answer | ClientError]],
) -> tuple[dict[Question, Answer], dict[Question, ClientError]]:
    """The results of ``core.limits.each``, as answers and errors by question."""
    answered: dict[Question, Answer] = {}
    errors: dict[Question, ClientError] = {}
    for question, answer in answers:
        if isinstance(answer, ClientError):
            errors[question] = answer
        else:
            answered[question] = answer
    return answered, errors


def judge_silence(failure: Finding, vantage: Vantage, servers: tuple[str, ...] = ()) -> Finding:
    """``failure`` if silence counts; otherwise a skip with the command to run instead.

    A laptop is not in the VPC: no answer there says nothing about the task. ``servers`` are the task's DNS servers, as
    far as known.
    """
    if vantage.silence_counts:
        return failure
    server = servers[0] if servers else "<DNS server of the AD>"
    return skipped(
        f"not checked: from here, {failure.summary}",
        fix=Fix(
            "Request the ticket from the task's own network. From a host with a route to the AD, use --dns-server.",
            ("gmsa-doctor run …", f"gmsa-doctor check … --dns-server {posix(server)}"),
        ),
    )


def judge_unreachable(error: ClientError, service: str, vantage: Vantage, shows: ShowsAs) -> Finding:
    """The finding about an AWS service that cannot be reached: a failure in the task's network."""
    if not vantage.inside:
        return error.finding()
    return failed(
        f"{service} cannot be reached from the task's network: {error.text}",
        observed=error.text,
        expected=f"a route to {service} on TCP 443",
        fix=Fix(
            f"Add a route to {service} for the subnet: a NAT gateway, a public address, or a VPC endpoint with private "
            "DNS and a security group that allows TCP 443 from the task. If the DHCP options set lists the AD's DNS "
            "servers, these must forward AWS names to the VPC resolver.",
            owner=Owner.AWS,
        ),
        shows_as=shows,
    )

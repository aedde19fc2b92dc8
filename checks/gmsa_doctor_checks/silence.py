"""What no answer means: a failure where we see what the task sees, otherwise a check that was not made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from gmsa_doctor.authoring import Finding, Fix, ShowsAs, failed, skipped
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks.commands import posix

Question = TypeVar("Question")
Answer = TypeVar("Answer")


def split(
    answers: Iterable[tuple[Question, Answer | ClientError]],
) -> tuple[dict[Question, Answer], dict[Question, ClientError]]:
    """What ``core.limits.each`` gives, as answers and errors by question."""
    answered: dict[Question, Answer] = {}
    errors: dict[Question, ClientError] = {}
    for question, answer in answers:
        if isinstance(answer, ClientError):
            errors[question] = answer
        else:
            answered[question] = answer
    return answered, errors


def judge_silence(failure: Finding, vantage: Vantage, servers: tuple[str, ...] = ()) -> Finding:
    """``failure`` where silence counts; otherwise a skip that says what to run instead.

    A laptop is not in the VPC: that it gets no answer says nothing about the task. ``servers`` are the task's DNS
    servers, as far as known.
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


def judge_no_way(error: ClientError, service: str, vantage: Vantage, shows: ShowsAs) -> Finding:
    """An AWS service that cannot be reached: a failure in the task's network, where Credentials Fetcher asks too."""
    if not vantage.inside:
        return error.finding()
    return failed(
        f"{service} cannot be reached from the task's network: {error.text}",
        observed=error.text,
        expected=f"a way to {service} on port 443",
        fix=Fix(
            f"Give the subnet a way to {service}: a NAT gateway, a public address, or an endpoint of the VPC with "
            "private DNS, whose security group admits 443 from the task. If the DHCP options name the AD's DNS "
            "servers, these must forward AWS's names to the VPC's resolver."
        ),
        shows_as=shows,
    )

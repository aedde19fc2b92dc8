"""Which KDCs are asked for a ticket, if the first ones do not answer."""

import pytest

from gmsa_doctor.authoring import Status, Stop
from gmsa_doctor.clients.kerberos.client import Kdc, Ticket
from gmsa_doctor.core.errors import ClientError, Refused, TimedOut
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks.kerberos.tickets import log_on
from gmsa_doctor_checks.values import DomainName, Endpoint, ReachableKdcs

SILENT, CLOSED = TimedOut("KDC", 10), Refused("KDC")


def ask(*errors: ClientError | None) -> tuple[str, int]:
    """The KDC that issued the ticket, and how many were asked; None: issues it."""
    kdcs = ReachableKdcs(
        DomainName("corp.example"),
        tuple(Endpoint(f"dc{number}.corp.example", f"10.0.0.{number}", 88) for number in range(len(errors))),
    )
    asked: list[Kdc] = []

    def one(kdc: Kdc) -> Ticket:
        asked.append(kdc)
        if error := errors[len(asked) - 1]:
            raise error
        return Ticket("reader@CORP.EXAMPLE", 600, None)

    _, kdc, _ = log_on("reader@CORP.EXAMPLE", kdcs, Vantage(inside=True), one)
    return kdc.address, len(asked)


@pytest.mark.parametrize(
    "errors", [(None,), (SILENT, None), (CLOSED, CLOSED, CLOSED, None), (CLOSED, SILENT, CLOSED, None)]
)
def test_kdcs_that_refuse_are_passed_over(errors: tuple[ClientError | None, ...]) -> None:
    assert ask(*errors) == (f"10.0.0.{len(errors) - 1}", len(errors))


@pytest.mark.parametrize(
    ("errors", "status"),
    [
        ((SILENT, SILENT), Status.FAIL),
        ((CLOSED, CLOSED, CLOSED), Status.FAIL),
        ((SILENT, SILENT, None), Status.UNKNOWN),
    ],
)
def test_it_fails_only_if_each_kdc_was_asked(errors: tuple[ClientError | None, ...], status: Status) -> None:
    with pytest.raises(Stop) as stop:
        ask(*errors)
    assert stop.value.finding.status is status

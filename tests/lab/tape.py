"""Records the tape again: `python -m tests.lab.tape`, after a change of moto or of a run's calls."""

import sys

from tests.here import doctor_here
from tests.lab import recorded
from tests.lab.ad import DomainController, domain_controller
from tests.lab.aws import EmbeddedAws, embedded_aws
from tests.lab.creation import create, healthy_account
from tests.lab.environment import healthy


def recorded_anew(dc: DomainController, aws: EmbeddedAws) -> str:
    """Give the text of the tape, from what the embedded AWS answers to a check of the healthy account now."""
    account = healthy_account(dc, aws)
    tape = recorded.Tape()
    aws.player.play(recorded.HealthyAccount(account.environment, account.created, account.memories, tape))
    environment = healthy(dc)
    create(environment, aws)
    doctor_here(*environment.command, aws=aws, env=aws.environ())
    return recorded.text_of(tape, dc.ip)


def main() -> None:
    """Write the file."""
    with domain_controller() as dc, embedded_aws() as aws:
        recorded.FILE.write_text(recorded_anew(dc, aws), encoding="utf-8")
    sys.stdout.write(f"{recorded.FILE} is written\n")


if __name__ == "__main__":
    main()

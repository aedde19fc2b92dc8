"""From an AD with a domain and nothing else to a service whose check passes: by the plan, step by step."""

import json
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.given.request import AdminAccount
from gmsa_doctor.setup import directory, parts
from gmsa_doctor.setup.plan import State, Survey, plan_of
from tests.command import Ended, doctor, quick_aws, quick_command
from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.keytab import keytab
from tests.lab.network import make_network
from tests.setup.plans import ANSWERS

PASSWORD = "S3t-by-the-plan!"
Parts = list[dict[str, Any]]


@pytest.fixture(scope="module")
def bare() -> Iterator[DomainController]:
    try:
        with ad.bare_domain() as dc:
            yield dc
    except ad.LabUnavailableError as error:
        if ad.required():
            pytest.fail(f"the AD lab is required: {error}", pytrace=False)
        pytest.skip(f"no AD lab: {error}")


class Person:
    """Asks for the plan and carries it out."""

    def __init__(self, dc: DomainController, aws: EmbeddedAws, directory: Path) -> None:
        self.dc, self.directory = dc, directory
        self.env = aws.environ()
        network = make_network(aws.client("ec2"), "us-east-1")
        file = directory / "administrator.keytab"
        file.write_bytes(keytab(accounts.ADMINISTRATOR, dc.realm, accounts.ADMINISTRATOR_PASSWORD))
        file.chmod(stat.S_IRUSR)
        answers = {
            "cluster": "prod",
            "service": "web",
            "gmsa": "webapp01",
            "domain": dc.domain,
            "image": "registry.example/web:1",
            "bucket": "prod-credspecs",
            "subnets": ",".join(network["subnets"][:2]),
            "security-groups": network["security_group"],
            "ad-dns": dc.ip,
            "dns-server": dc.ip,
        }
        self.answers = [word for name, value in answers.items() for word in (f"--{name}", value)]
        self.as_administrator = ("--as-user", accounts.ADMINISTRATOR, "--as-keytab", str(file), "--lab")

    def setup(self, *options: str) -> Ended:
        return doctor("setup", *self.answers, *options, env=self.env, cwd=self.directory)

    def parts(self, *options: str) -> Parts:
        ended = self.setup("--json", *options)
        assert ended.code in (1, 3), ended.err
        found: Parts = ended.document["parts"]
        return found

    def in_ad(self, missing: Parts) -> None:
        steps = [{"kind": part["kind"], **part["fields"]} for part in missing]
        ad.carry_out(self.dc, steps, {"svc-webapp01": PASSWORD})

    def in_shell(self, missing: Parts) -> None:
        lines = [line for part in missing for line in part["commands"]]
        script = self.directory / "script.sh"
        script.write_text("\n".join(("set -eu -o pipefail", *lines)))
        programs = [str(Path(program).parent) for program in (quick_command(), quick_aws())]
        ended = subprocess.run(
            ["bash", str(script)],
            input=f"{PASSWORD}\n",
            env={**self.env, "PATH": ":".join((*programs, self.env["PATH"])), "AWS_PAGER": ""},
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ended.returncode == 0, f"{ended.stdout}{ended.stderr}"
        assert PASSWORD not in ended.stdout + ended.stderr


def missing(plan: Parts, owner: str = "") -> Parts:
    return [part for part in plan if part["state"] == "missing" and owner in ("", part["owner"])]


def test_from_nothing_to_a_service_whose_check_passes(bare: DomainController, aws: EmbeddedAws, tmp_path: Path) -> None:
    person = Person(bare, aws, tmp_path)
    first = person.parts(*person.as_administrator)
    assert [part["kind"] for part in first if part["state"] != "missing"] == ["Image"], first
    person.in_ad(missing(first, "ad"))

    second = person.parts(*person.as_administrator)
    assert not missing(second, "ad")
    person.in_shell([*missing(second, "aws"), *missing(second, "developer")])

    last = person.setup()
    assert (last.code, "nothing is missing" in last.err) == (0, True), last.out + last.err
    assert "pass" in last.out
    kept = json.dumps([first, second]) + last.out + last.err
    assert PASSWORD not in kept + "".join(path.read_text() for path in tmp_path.glob("*.json"))


def test_the_list_of_an_existing_gmsa_keeps_who_is_in_it(bare: DomainController) -> None:
    answers = replace(ANSWERS, domain=bare.domain, gmsa="webapp02", group="second-readers", user="svc-second")
    before = [
        parts.RootKey(lab=True),
        parts.Group("first-readers"),
        parts.Gmsa("webapp02", f"webapp02.{bare.domain}", "first-readers"),
        parts.Group("second-readers"),
    ]
    ad.carry_out(bare, typed(before), {})
    administrator = AdminAccount(accounts.ADMINISTRATOR, Hidden(accounts.ADMINISTRATOR_PASSWORD))
    known, _ = directory.ask(answers, administrator, (bare.ip,))
    plan = plan_of(answers, Survey(known))
    lacking = [item.part for item in plan.items if item.known.state is State.MISSING]
    assert [type(part) for part in lacking] == [parts.User, parts.Member, parts.Permission]
    ad.carry_out(bare, typed(lacking), {"svc-second": PASSWORD})
    for group in ("second-readers", "first-readers"):
        known, _ = directory.ask(replace(answers, group=group), administrator, (bare.ip,))
        assert known[parts.Permission].state is State.EXISTS


def typed(steps: Sequence[parts.Part]) -> Parts:
    return [{"kind": type(part).__name__, **asdict(part)} for part in steps]

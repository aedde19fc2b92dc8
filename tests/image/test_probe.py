"""`gmsa-doctor run` with the image itself: the embedded Fargate starts it as a container."""

from tests.image import engine
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.fargate_engine import Podman
from tests.lab.loopback import fresh_address
from tests.probe.service import known_at, left, made, roots, run
from tests.scenarios import changes


def test_the_image_looks_from_inside_and_its_report_comes_back(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, _):
        aws.fargate.engine = Podman(engine.NAME, engine.environ())
        ended = run(environment, aws)
    assert (ended.code, ended.document["verdict"]) == (0, "pass"), ended.err or ended.out
    assert ended.finding("kerberos.gmsa-ticket")["vantage"] == "inside"
    assert left(aws) == []


def test_the_image_sees_the_dns_servers_of_the_task(dc: DomainController, aws: EmbeddedAws) -> None:
    wrong = fresh_address()
    with made(dc, aws, changes.dhcp(wrong), known_at(wrong)) as (environment, _):
        aws.fargate.engine = Podman(engine.NAME, engine.environ())
        ended = run(environment, aws)
    assert ended.code == 1, ended.err or ended.out
    assert roots(ended) == ["dns.domain-controllers"]
    assert ended.finding("dns.domain-controllers")["vantage"] == "inside"
    assert left(aws) == []

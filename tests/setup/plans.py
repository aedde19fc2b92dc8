"""A plan of which nothing exists, for the tests of its forms."""

from dataclasses import replace

from gmsa_doctor.formats.documents.credspec_text import DomainIdentity
from gmsa_doctor.setup.answers import Answers, DnsBy
from gmsa_doctor.setup.parts import Part
from gmsa_doctor.setup.plan import MISSING, Plan, Survey, plan_of

ANSWERS = Answers(
    gmsa="webapp01",
    domain="corp.example",
    user="svc-webapp01",
    group="webapp01-readers",
    region="eu-west-1",
    account="111122223333",
    cluster="prod",
    service="web",
    container="web",
    family="web",
    image="111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:1",
    execution_role="web-execution",
    bucket="prod-credspecs",
    key="webapp01_CredSpec.json",
    secret="gmsa/webapp01",
    log_group="/ecs/web",
    vpc="vpc-0a1b2c3d",
    subnets=("subnet-0a1b2c3d", "subnet-1a2b3c4d"),
    security_groups=("sg-0a1b2c3d", "sg-1a2b3c4d"),
    ad_dns=("10.0.0.10", "10.0.1.10"),
    ad_security_group="sg-2a2b3c4d",
)
BY_DHCP = replace(ANSWERS, dns_by=DnsBy.DHCP_OPTIONS)
IDENTITY = DomainIdentity(
    "corp.example", "corp.example", "CORP", "S-1-5-21-1-2-3", "5c0d2e9b-8f43-4e0c-9d55-6b1f0f5b7c11"
)


def kinds(kind: type[Part]) -> list[type[Part]]:
    """Give all kinds of parts."""
    below = kind.__subclasses__()
    return [found for one in below for found in kinds(one)] if below else [kind]


NOTHING = Survey(dict.fromkeys(kinds(Part), MISSING), identity=IDENTITY)


def plan(answers: Answers = ANSWERS, survey: Survey = NOTHING) -> Plan:
    """Give the plan."""
    return plan_of(answers, survey)

"""Whether the execution role may pull the task's images from Amazon ECR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Owner,
    Status,
    check,
    failed,
    if_several,
    passed,
    rows_of,
    skipped,
    warned,
    worst,
)
from gmsa_doctor.clients.aws.ecr import Ecr
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.formats.aws.image_name import EcrRepository, ecr_repository
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.shared_values import ExecutionRole
from gmsa_doctor.given.subject import AwsPlace, Platform
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.roles.access import is_not_granted, judge
from gmsa_doctor_checks.roles.policy_fixes import put_policy
from gmsa_doctor_checks.roles.simulation import AccessQuestion, PolicySimulator, findings_of
from gmsa_doctor_checks.versions import failed_on_fargate

_TOKEN = "ecr:GetAuthorizationToken"
_PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_IMPORT = ("ecr:BatchImportUpstreamImage", "ecr:CreateRepository")
_DOCUMENTED = "ecr:BatchCheckLayerAvailability"
"""AWS's documentation lists it for pulling; whether a pull fails without it is uncertain."""


@check(
    "execution-role.image",
    title="The execution role may pull the images",
    docs=links.ECR_PULL,
    about="task/executionRoleArn",
)
def execution_role_image(
    role: ExecutionRole, definition: TaskDefinition, platform: Platform, ecr: Ecr, simulator: PolicySimulator
) -> Finding:
    """Simulates in IAM what pulling the task's images from Amazon ECR requires, and reads the repositories' policies.

    It requires `ecr:GetAuthorizationToken`, and on each repository `ecr:BatchGetImage`, `ecr:GetDownloadUrlForLayer`
    and `ecr:BatchCheckLayerAvailability`. Other registries do not use IAM. On EC2 the container instance's role pulls.

    Why: without these permissions the task stops with `CannotPullContainerError` or `unable to pull secrets or registry
    auth`, before Credentials Fetcher starts.

    Fix: allow these actions for the execution role; the managed policy AmazonECSTaskExecutionRolePolicy does.
    """
    arn = simulator.role_on_fargate(role, platform, "pulls the images")
    images = dict.fromkeys(container.image for container in definition.containers if container.image)
    repositories = tuple(dict.fromkeys(filter(None, map(ecr_repository, images))))
    if not repositories:
        return passed(f"no image is in a private Amazon ECR repository: {', '.join(images) or 'no image is set'}")
    token = AccessQuestion(arn, _TOKEN, "*", "the images", simulator.context, fix_name="image")
    pulls = [partial(_pull, repository, arn, simulator, ecr) for repository in repositories]
    findings = findings_of([lambda: [judge(token, simulator.simulate(token), None)], *pulls])
    decides = worst(findings)
    if decides.status is Status.PASS:
        names = ", ".join(repository.name for repository in repositories)
        return passed(f"pulling from {names} is allowed for {arn.name}")
    rows = rows_of(
        (finding.expected or finding.summary, finding) for finding in findings if finding.status is not Status.PASS
    )
    fix = _allow_pulling(arn, simulator.place, repositories) if is_not_granted(decides) else decides.fix
    return failed_on_fargate(replace(decides, rows=if_several(rows), fix=fix), platform)


def _pull(repository: EcrRepository, role: RoleArn, simulator: PolicySimulator, ecr: Ecr) -> list[Finding]:
    name, account, place = repository.name, repository.account, simulator.place
    if repository.region != place.region:
        return [skipped(f"not checked: the repository {name} is in {repository.region}")]
    question = AccessQuestion(
        role,
        _PULL[0],
        _arn_of(repository, place),
        f"the images of {name}",
        simulator.context,
        fix_name="image",
        policy_name=f"the policy of the repository {name}",
        policy_command=f"aws ecr get-repository-policy --registry-id {account} "
        f"--repository-name {posix(name)} --query policyText --output text",
        policy_put=f"aws ecr set-repository-policy --registry-id {account} --repository-name {posix(name)} "
        "--policy-text",
        foreign=account != role.account,
    )
    more_actions = (*_PULL[1:], _DOCUMENTED)
    if question.foreign:
        decisions = simulator.simulate(question, *more_actions)
        unreadable = ClientError(f"only account {account} can read it")
        return [judge(replace(question, action=action), decisions, unreadable) for action in _PULL]
    decisions, policy = simulator.simulate_and_read(question, lambda: ecr.policy(name, account), *more_actions)
    if isinstance(policy, NotFound):
        return [_no_repository(repository, policy, ecr, place)]
    findings = []
    for action in (*_PULL, _DOCUMENTED):
        question = replace(question, action=action)
        if not isinstance(policy, ClientError):
            policy = simulator.ruling(ecr.policy(name, account), question)
        findings.append(judge(question, decisions, policy))
    return [*findings[:-1], findings[-1].to_warning()]  # pulling may work without the last action


def _no_repository(repository: EcrRepository, error: NotFound, ecr: Ecr, place: AwsPlace) -> Finding:
    """A pull through cache rule creates repositories with its prefix at the first pull.

    Sources: https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html and
    pull-through-cache-iam.html (the actions, which the registry's policy may allow as well).
    """
    name, region, unless, rule = repository.name, repository.region, "", None
    try:
        rule = next((rule for rule in ecr.cache_rules(repository.account) if rule.covers(name)), None)
    except ClientError as denied:
        unless = f", unless a pull through cache rule creates it at the first pull ({denied.text})"
    if rule:
        unless = (
            f": the pull through cache rule {rule.prefix} creates it at the first pull from {rule.upstream}, for which "
            f"the execution role needs {' and '.join(_IMPORT)}"
        )
    return (warned if unless else failed)(
        f"the repository {name} does not exist in {region}{unless}",
        observed=error.code,
        expected=f"a repository {name} in account {repository.account}",
        fix=_pull_once(repository, place)
        if rule
        else Fix(
            "Set image in the task definition to an existing repository, or create the repository and push the image.",
            ("aws ecr describe-repositories --query 'repositories[].repositoryUri'",),
            Owner.DEVELOPER,
        ),
    )


def _pull_once(repository: EcrRepository, place: AwsPlace) -> Fix:
    image = f"{repository.account}.dkr.ecr.{repository.region}.{place.dns_suffix}/{repository.name}:<tag>"
    return Fix(
        "Pull the image once with credentials that may import it, or allow these actions for the execution role.",
        (f"docker pull {posix(image)}",),
        Owner.AWS,
    )


def _arn_of(repository: EcrRepository, place: AwsPlace) -> str:
    return f"arn:{place.partition}:ecr:{repository.region}:{repository.account}:repository/{repository.name}"


def _allow_pulling(role: RoleArn, place: AwsPlace, repositories: Sequence[EcrRepository]) -> Fix:
    resources = [_arn_of(repository, place) for repository in repositories]
    return Fix(
        "Allow pulling from Amazon ECR for the execution role, or attach AmazonECSTaskExecutionRolePolicy to it.",
        (
            put_policy(role, "image-token", (_TOKEN,), "*"),
            put_policy(role, "image-pull", (*_PULL, _DOCUMENTED), *resources),
        ),
    )

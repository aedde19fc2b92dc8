"""Whether the execution role may pull the task's images from Amazon ECR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Outcome,
    Owner,
    Status,
    alternatives,
    check,
    deferred_to,
    if_several,
    passed,
    rows_of,
    skipped,
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
from gmsa_doctor_checks.commands import posix, pull
from gmsa_doctor_checks.roles.access import is_not_granted, judge
from gmsa_doctor_checks.roles.policy_fixes import put_policy
from gmsa_doctor_checks.roles.simulation import AccessQuestion, PolicySimulator, findings_of
from gmsa_doctor_checks.values import FirstPull, ImageSettings
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
    role: ExecutionRole,
    definition: TaskDefinition,
    platform: Platform,
    ecr: Ecr,
    simulator: PolicySimulator,
    image: Outcome[ImageSettings],
) -> Finding:
    """Simulates in IAM what pulling the task's images from Amazon ECR requires, and reads the repositories' policies.

    It requires `ecr:GetAuthorizationToken`, and on each repository `ecr:BatchGetImage`, `ecr:GetDownloadUrlForLayer`
    and `ecr:BatchCheckLayerAvailability`. Other registries do not use IAM. On EC2 the container instance's role pulls.
    The first pull by a pull through cache rule also requires `ecr:BatchImportUpstreamImage`, and
    `ecr:CreateRepository` if there is no repository yet. The registry's policy, which is not read, may allow these.

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
    pulls = [partial(_pull, repository, arn, simulator, ecr, image) for repository in repositories]
    first_pulls = image.value.first_pulls if image.value else ()
    imports = [partial(_import, first, arn, simulator) for first in first_pulls]
    findings = findings_of([lambda: [judge(token, simulator.simulate(token), None)], *pulls, *imports])
    decides = worst(findings)
    if decides.status is Status.PASS:
        names = ", ".join(repository.name for repository in repositories)
        return passed(f"pulling from {names} is allowed for {arn.name}")
    rows = rows_of(
        (finding.expected or finding.summary, finding) for finding in findings if finding.status is not Status.PASS
    )
    fix = _allow_pulling(arn, simulator.place, repositories) if is_not_granted(decides) else decides.fix
    return failed_on_fargate(replace(decides, rows=if_several(rows), fix=fix), platform)


def _pull(
    repository: EcrRepository, role: RoleArn, simulator: PolicySimulator, ecr: Ecr, image: Outcome[ImageSettings]
) -> list[Finding]:
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
        imported = image.value.first_pulls if image.value else ()
        if repository not in [ecr_repository(first.image) for first in imported]:
            return [deferred_to(image.finding, f"the repository {name} does not exist")]
        policy = None  # the first pull creates the repository
        return [judge(replace(question, action=action), decisions, policy).to_warning() for action in _PULL]
    findings = []
    for action in (*_PULL, _DOCUMENTED):
        question = replace(question, action=action)
        if not isinstance(policy, ClientError):
            policy = simulator.ruling(ecr.policy(name, account), question)
        findings.append(judge(question, decisions, policy))
    return [*findings[:-1], findings[-1].to_warning()]  # pulling may work without the last action


def _import(first: FirstPull, role: RoleArn, simulator: PolicySimulator) -> list[Finding]:
    """Without a permission of the role, a warning: the policy of the registry or the repository may allow it.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-iam.html
    """
    repository, place = ecr_repository(first.image), simulator.place
    if repository is None:
        return []
    resource = _arn_of(repository, place)
    actions = _IMPORT if first.makes_repository else _IMPORT[:1]
    question = AccessQuestion(
        role,
        actions[0],
        resource,
        first.image,
        simulator.context,
        hint=f"; ECR does not have the image yet, and the pull through cache rule {first.rule.prefix} imports it at "
        "the first pull; the policy of the registry or the repository may allow it",
        fix_name="image",
        verb="import",
    )
    decisions = simulator.simulate(question, *actions[1:])
    fix = alternatives(
        Fix("Allow the import for the execution role.", (put_policy(role, "image-import", actions, resource),)),
        Fix("Pull the image once with credentials that may import it.", pull([first.image], repository.region)),
        owner=Owner.AWS,
    )
    findings = [judge(replace(question, action=action), decisions, None) for action in actions]
    return [replace(finding, fix=fix).to_warning() if is_not_granted(finding) else finding for finding in findings]


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

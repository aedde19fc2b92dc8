"""The parts as commands of a shell: bash, the AWS CLI and jq.

Ids that AWS assigns go from command to command in variables. A password is read from the terminal and goes through
pipes, so that it is in no file, no list of processes and no history. An id that is missing because a command failed
ends the next one: ``${name:?}``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from gmsa_doctor.checking.aws_commands import with_aws_commands
from gmsa_doctor.core.model import Fix
from gmsa_doctor.core.quoting import posix
from gmsa_doctor.formats.aws import commands
from gmsa_doctor.given.subject import Controller, Subject
from gmsa_doctor.setup.parts import (
    DNS_PORTS,
    Bucket,
    Cluster,
    CredSpecObject,
    DhcpOptions,
    ForwardRule,
    Ingress,
    LogGroup,
    Part,
    Role,
    RolePolicy,
    Secret,
    Service,
    TaskDefinition,
)
from gmsa_doctor.setup.resources import address_key, resource_name, two_of
from gmsa_doctor.setup.task import container_lines, new_task_definition

FILE = "task-definition.json"


def steps(part: Part, region: str) -> Fix:
    """What to do for the part, as a sentence and commands."""
    for kind, make in _STEPS.items():
        if isinstance(part, kind):
            return make(part, f" --region {posix(region)}")
    raise TypeError(type(part).__name__)


def beginning(account: str, profile: str) -> str:
    """What comes first in a shell: the profile, if one was given, and whether the account is that of the plan."""
    named = f"export AWS_PROFILE={posix(profile)}\n" if profile else ""
    return (
        f'{named}[ "$(aws sts get-caller-identity --query Account --output text)" = {posix(account)} ] ||\n'
        f"  echo {posix(f'STOP: these are not credentials of the account {account}')} >&2"
    )


def store_password(secret: Secret, at: str) -> Fix:
    """How to put the user's password into the secret, which is created if it does not exist.

    The shell reads all lines of one compound command before it runs the first: what is pasted is not the password.
    """
    name = posix(secret.name)
    fields = f"{{username: {json.dumps(secret.user)}, password: ., domainName: {json.dumps(secret.domain)}}}"
    put = f"put-secret-value{at} --secret-id" if secret.is_empty else f"create-secret{at} --name"
    verb = "Store" if secret.is_empty else "Create the secret with"
    return Fix(
        f"{verb} the password of {secret.user}, which is prompted for and not shown.",
        (
            f"{{ IFS= read -rsp {posix(f'Password of {secret.user}: ')} password; echo\n"
            """  [ -n "$password" ] || echo 'Nothing is stored: the password is empty.' >&2\n"""
            f'  [ -z "$password" ] || printf %s "$password" | jq --raw-input --slurp {posix(fields)} |\n'
            f"    aws secretsmanager {put} {name} --secret-string file:///dev/stdin\n"
            "  unset password; }",
        ),
    )


def _cluster(part: Cluster, at: str) -> Fix:
    return Fix("Create the cluster.", (f"aws ecs create-cluster{at} --cluster-name {posix(part.name)}",))


def _role(part: Role, at: str) -> Fix:
    return Fix("Create the execution role.", commands.create_role(part.name, part.partition, part.path))


def _role_policy(part: RolePolicy, at: str) -> Fix:
    put = f"aws iam put-role-policy --role-name {posix(part.role)} --policy-name {posix(part.name)} --policy-document"
    return Fix(
        "Allow the execution role what ECS and Credentials Fetcher call with it.",
        (f"{put} {posix(json.dumps(part.document))}",),
    )


def _log_group(part: LogGroup, at: str) -> Fix:
    return Fix("Create the log group.", (commands.create_log_group(part.name, at),))


def _bucket(part: Bucket, at: str) -> Fix:
    region = at.rpartition(" ")[2]
    where = "" if region == "us-east-1" else f" --create-bucket-configuration LocationConstraint={region}"
    return Fix("Create the bucket.", (f"aws s3api create-bucket{at} --bucket {posix(part.name)}{where}",))


def _credspec(part: CredSpecObject, at: str) -> Fix:
    file = part.key.rpartition("/")[2]
    asked = (
        "Describe the secret for its whole ARN."
        if not part.secret_arn
        else "The CredSpec holds the whole ARN of the secret."
    )
    arn = posix(part.secret_arn) if part.secret_arn else '"${secret_arn:?}"'
    describe = f"aws secretsmanager describe-secret{at} --secret-id {posix(part.secret)} --query ARN --output text"
    options = f"--gmsa {posix(part.gmsa)} --domain {posix(part.domain)} --secret {arn} --output {posix(file)}"
    if found := part.identity:
        offline = f"--offline --sid {posix(found.sid)} --guid {posix(found.guid)}"
        options += f" {offline} --netbios-name {posix(found.net_bios_name)} --forest {posix(found.forest)}"
        where = ""
    else:
        where = " This reads the AD as the user in the secret: run it where its names resolve and its ports are open."
    return Fix(
        f"{asked} Write the CredSpec, and upload it.{where}",
        (
            *(() if part.secret_arn else (f"secret_arn=$({describe})",)),
            f"gmsa-doctor credspec {options}",
            f"aws s3 cp{at} {posix(file)} {posix(f's3://{part.bucket}/{part.key}')}",
        ),
    )


def _forward_rule(part: ForwardRule, at: str) -> Fix:
    targets = " ".join(posix(f"{address_key(server)}={server},Port=53") for server in part.servers)
    endpoint = posix(part.endpoint) if part.endpoint else '"${endpoint:?}"'
    name = resource_name(part.domain, part.vpc)
    resolver = "aws route53resolver"
    values = ",".join(f"{{{address_key(server)}={server}}}" for server in part.servers)
    update = (
        f'{resolver} update-resolver-rule{at} --resolver-rule-id "${{rule:?}}" '
        f"--config {posix(f'TargetIps=[{values}]')}"
    )
    find = f"{resolver} list-resolver-rules{at} {_made_as(name)}"
    create = (
        f"{resolver} create-resolver-rule{at} --creator-request-id {posix(name)} --name {posix(name)} "
        f"--rule-type FORWARD --domain-name {posix(part.domain)} --target-ips {targets} "
        f"--resolver-endpoint-id {endpoint} --query ResolverRule.Id --output text"
    )
    return Fix(
        (
            ""
            if part.endpoint
            else "Create an outbound endpoint in subnets from which the AD's DNS servers can be reached. "
        )
        + f"Create a FORWARD rule for {part.domain}, and associate it with {part.vpc}. Other names are not affected.",
        (
            *(() if part.endpoint else _endpoint(part, name, at)),
            *_found_or_created("rule", find, "ResolverRules[0].Id", create, update),
            f'{resolver} associate-resolver-rule{at} --resolver-rule-id "${{rule:?}}" --vpc-id {posix(part.vpc)}',
        ),
    )


def _endpoint(part: ForwardRule, name: str, at: str) -> tuple[str, ...]:
    """The commands that create an outbound endpoint. A new security group lets everything out."""
    addresses = " ".join(posix(f"SubnetId={subnet}") for subnet in two_of(part.subnets))
    kind = " --resolver-endpoint-type DUALSTACK" if part.has_ipv6 else ""
    admitted = (_admit(part.admitted_by, '"${dns_group:?}"', protocol, port, at) for protocol, port in DNS_PORTS)
    groups = f"Name=group-name,Values={name} Name=vpc-id,Values={posix(part.vpc)}"
    create_group = (
        f"aws ec2 create-security-group{at} --group-name {posix(name)} --description "
        f"{posix(f'Outbound DNS to {part.domain}')} --vpc-id {posix(part.vpc)} --query GroupId --output text"
    )
    create_endpoint = (
        f"aws route53resolver create-resolver-endpoint{at} --creator-request-id {posix(name)} --name {posix(name)} "
        f'--direction OUTBOUND{kind} --security-group-ids "${{dns_group:?}}" --ip-addresses {addresses} '
        "--query ResolverEndpoint.Id --output text"
    )
    list_groups = f"aws ec2 describe-security-groups{at} --filters {groups}"
    list_endpoints = f"aws route53resolver list-resolver-endpoints{at} {_made_as(name)}"
    return (
        *_found_or_created("dns_group", list_groups, "SecurityGroups[0].GroupId", create_group),
        *(admitted if part.admitted_by else ()),
        *_found_or_created("endpoint", list_endpoints, "ResolverEndpoints[0].Id", create_endpoint),
        f"while state=$(aws route53resolver get-resolver-endpoint{at} --resolver-endpoint-id "
        '"${endpoint:?}" --query ResolverEndpoint.Status --output text) && [ "$state" = CREATING ]; do sleep 10; done',
        '[ "$state" = OPERATIONAL ] || { echo "STOP: the state of $endpoint is $state" >&2; endpoint=; }',
    )


def _found_or_created(variable: str, find: str, query: str, create: str, update: str = "") -> tuple[str, ...]:
    """The commands that set a variable to the id of what an earlier run has made, otherwise of a new one.

    ``update`` changes what was found. The AWS CLI prints ``None`` for what the answer does not have. The variable is
    empty if a command fails.
    """
    return (
        f"{variable}=$({find} --query {posix(query)} --output text)",
        *((f'[ "${variable}" = None ] || {update}',) if update else ()),
        f'[ "${variable}" != None ] || {variable}=$({create})',
    )


def _made_as(request: str) -> str:
    """The filter of Route 53 Resolver for what this request has created."""
    return f"--filters {posix(f'Name=CreatorRequestId,Values={request}')}"


def _dhcp_options(part: DhcpOptions, at: str) -> Fix:
    values = (f"Key=domain-name-servers,Values={','.join(part.servers)}", f"Key=domain-name,Values={part.domain}")
    return Fix(
        f"Create a DHCP options set, and associate it with {part.vpc}. This changes DNS for all hosts of the VPC: the "
        "AD's DNS servers must also resolve the other names that hosts need. Only new tasks use it.",
        (
            f"options=$(aws ec2 create-dhcp-options{at} --dhcp-configurations {' '.join(map(posix, values))} "
            "--query DhcpOptions.DhcpOptionsId --output text)",
            f'aws ec2 associate-dhcp-options{at} --dhcp-options-id "${{options:?}}" --vpc-id {posix(part.vpc)}',
        ),
    )


def _ingress(part: Ingress, at: str) -> Fix:
    rules = tuple(_admit(part.group, posix(part.source), protocol, port, at) for protocol, port in part.ports)
    named = "DNS, Kerberos and LDAP" if part.dns else "Kerberos and LDAP"
    return Fix(f"Allow {named} from the tasks to the domain controllers.", rules)


def _admit(group: str, source: str, protocol: str, port: int, at: str) -> str:
    """The command that allows a port for another group, which is an expression of the shell."""
    return (
        f"aws ec2 authorize-security-group-ingress{at} --group-id {posix(group)} --protocol {protocol} --port {port} "
        f"--source-group {source}"
    )


def _task_definition(part: TaskDefinition, at: str) -> Fix:
    register = f"aws ecs register-task-definition{at} --cli-input-json file://{FILE}"
    if part.exists:
        save = commands.save_task_definition(part.revision, FILE, at, _edit(part))
        added = f"Add credentialSpecs and KRB5CCNAME to the container {part.container}"
        text = f"{added}, in a new revision of {part.revision}"
        if not part.service:
            return Fix(f"{text}.", (save, register))
        update = f"aws ecs update-service{at} --cluster {posix(part.cluster)} --service {posix(part.service)}"
        text = f"{text}. Deploy it when everything above is done."
        register = f"{register} --query taskDefinition.taskDefinitionArn --output text"
        if part.controller is Controller.ECS:
            deploy = f'{update} --task-definition "${{revision:?}}"'
            return Fix(text, (save, f"revision=$({register})", deploy))
        return _deployed_otherwise(
            part, Fix(text, (save, register, f"{update} --task-definition {posix(part.family)}")), at
        )
    save = f"cat > {FILE} <<'END'\n{json.dumps(new_task_definition(part), indent=2)}\nEND"
    text = "Register the task definition. Change its size as the application needs."
    return Fix(text, (save, register))


def _deployed_otherwise(part: TaskDefinition, fix: Fix, at: str) -> Fix:
    """The fix with the commands of CodeDeploy or of task sets instead of an update of the service."""
    subject = Subject(
        part.service,
        part.cluster,
        part.service,
        part.revision,
        controller=part.controller,
        deployment=part.deployment,
    )
    return with_aws_commands(fix, subject, at.rpartition(" ")[2])


def _edit(part: TaskDefinition) -> str:
    """The filter of jq that adds the lines to a task definition. Other variables stay, and another role does."""
    lines = container_lines(part)
    credspecs, variables = (json.dumps(lines[key]) for key in ("credentialSpecs", "environment"))
    others = '((.environment // []) | map(select(.name != "KRB5CCNAME")))'
    return (
        f".executionRoleArn //= {json.dumps(part.role_arn)} | "
        f"(.containerDefinitions[] | select(.name == {json.dumps(part.container)})) |= "
        f"(.credentialSpecs = {credspecs} | .environment = {others} + {variables})"
    )


def _service(part: Service, at: str) -> Fix:
    network = (
        f"awsvpcConfiguration={{subnets=[{','.join(part.subnets)}],securityGroups=[{','.join(part.security_groups)}],"
        f"assignPublicIp={'ENABLED' if part.public_address else 'DISABLED'}}}"
    )
    return Fix(
        "Create the service, when everything above is done.",
        (
            f"aws ecs create-service{at} --cluster {posix(part.cluster)} --service-name {posix(part.name)} "
            f"--task-definition {posix(part.family)} --desired-count 1 --launch-type FARGATE "
            f"--platform-version 1.4.0 --network-configuration {posix(network)}",
        ),
    )


_STEPS: dict[type, Callable[[Any, str], Fix]] = {
    Cluster: _cluster,
    Role: _role,
    RolePolicy: _role_policy,
    LogGroup: _log_group,
    Bucket: _bucket,
    CredSpecObject: _credspec,
    Secret: store_password,
    ForwardRule: _forward_rule,
    DhcpOptions: _dhcp_options,
    Ingress: _ingress,
    TaskDefinition: _task_definition,
    Service: _service,
}

"""The same steps without gmsa-doctor: the AWS CLI, dig, and the Kerberos and LDAP tools, on the same lab."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measure import command
from tests.lab import accounts
from tests.lab.ad import DomainController
from tests.lab.environment import Created

LIVE = str(Path(__file__).with_name("live.sh"))


@dataclass(frozen=True)
class Shell:
    """The tools with a configuration of their own; nothing of the machine's is read or written."""

    dc: DomainController
    env: Mapping[str, str]
    spn: str

    def live_flow(self) -> None:
        """kinit as the user, ldapsearch for the gMSA and for its password, kinit as the gMSA, kvno."""
        dc = self.dc
        password = accounts.PASSWORDS[accounts.READER].encode() + b"\n"
        names = [dc.realm, dc.host, dc.base, accounts.READER, "webapp01", self.spn]
        command([LIVE, *names], self.env, stdin=password)()

    def dns(self) -> None:
        """The three SRV questions, and the address of the target."""
        for name in (f"_ldap._tcp.dc._msdcs.{self.dc.domain}", f"_kerberos._tcp.{self.dc.domain}"):
            command(["dig", "+short", f"@{self.dc.ip}", "SRV", name], self.env)()
        command(["dig", "+short", f"@{self.dc.ip}", "A", self.dc.host], self.env)()


@contextmanager
def shell(dc: DomainController, spn: str) -> Iterator[Shell]:
    """The tools in the task's network: the resolver is the domain controller's DNS.

    Requires a private mount namespace. Kerberos is left as Debian has it, but for the realm.
    """
    with tempfile.TemporaryDirectory(prefix="gmsa-bench-") as name:
        folder = Path(name)
        (folder / "krb5.conf").write_text(f"[libdefaults]\n default_realm = {dc.realm}\n")
        (folder / "resolv.conf").write_text(f"nameserver {dc.ip}\n")
        env = {
            "PATH": os.environ["PATH"],
            "HOME": name,
            "KRB5_CONFIG": str(folder / "krb5.conf"),
            "KRB5CCNAME": f"FILE:{folder}/ccache",
        }
        command(["mount", "--bind", str(folder / "resolv.conf"), "/etc/resolv.conf"])()
        try:
            yield Shell(dc, env, spn)
        finally:
            command(["umount", "/etc/resolv.conf"])()


def aws_steps(created: Created, cluster: str, service: str, env: Mapping[str, str]) -> list[list[str]]:
    """The AWS CLI's calls for the same facts, in the order in which their arguments become known."""
    aws = [shutil.which("aws", path=os.environ["PATH"]) or "aws", "--region", created.region]
    bucket, _, key = created.credspec_arn.rpartition(":")[2].partition("/")
    steps = [
        ["sts", "get-caller-identity"],
        ["ecs", "describe-services", "--cluster", cluster, "--services", service],
        ["ecs", "describe-task-definition", "--task-definition", created.task_definition_arn],
        ["s3api", "head-bucket", "--bucket", bucket],
        ["s3api", "get-object", "--bucket", bucket, "--key", key, "/dev/stdout"],
        ["secretsmanager", "get-secret-value", "--secret-id", created.secret_arn],
        ["ec2", "describe-subnets", "--subnet-ids", *created.subnets],
        ["ec2", "describe-vpcs", "--vpc-ids", created.vpc],
        ["ec2", "describe-dhcp-options", "--dhcp-options-ids", created.dhcp_options],
        ["ds", "describe-directories"],
        ["ec2", "describe-route-tables", "--filters", f"Name=vpc-id,Values={created.vpc}"],
        ["ec2", "describe-security-groups", "--group-ids", created.security_group],
        ["ec2", "describe-network-acls", "--filters", f"Name=vpc-id,Values={created.vpc}"],
        ["ec2", "describe-vpc-endpoints", "--filters", f"Name=vpc-id,Values={created.vpc}"],
        ["secretsmanager", "get-resource-policy", "--secret-id", created.secret_arn],
    ]
    return [[*aws, *step] for step in steps]

"""Faults in AWS: causes 1, 2 and 4, and what can be seen in the secret without asking the AD."""

import json

from tests.lab import accounts
from tests.lab.aws import ACCOUNT
from tests.scenarios.changes import (
    GMSAS,
    PLUGIN_INPUT,
    after,
    all_of,
    answered,
    body,
    container,
    credential_arn,
    dhcp,
    entry,
    in_a_parameter,
    key_disabled,
    no_dhcp_options,
    no_directory,
    obj,
    on_ec2,
    options,
    padded,
    region,
    second_container,
    secret,
    secret_is,
    service,
    spec,
    task,
)
from tests.scenarios.lab import Scenario

_ELSEWHERE = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:gmsa/webapp01-AbCdEf"

TASK_DEFINITION = (
    Scenario(
        "no credentialSpecs", "task-definition.credentialspecs", container(credentialSpecs=None), "no credentialSpecs"
    ),
    Scenario(
        "two entries",
        "task-definition.credentialspecs",
        container(credentialSpecs=["credentialspecdomainless:{credspec_arn}"] * 2),
        "has 2 credentialSpecs; ECS accepts one",
    ),
    Scenario(
        "the legacy field",
        "task-definition.credentialspecs",
        container(credentialSpecs=None, dockerSecurityOptions=["credentialspec:{credspec_arn}"]),
        "dockerSecurityOptions",
    ),
    Scenario(
        "two essential containers, neither with credentialSpecs",
        "task-definition.credentialspecs",
        all_of(container(credentialSpecs=None), second_container(essential=True)),
        "no container has credentialSpecs",
    ),
    Scenario("no execution role", "execution-role.present", task(executionRoleArn=None), "executionRoleArn"),
    Scenario(
        "prefix in capitals",
        "task-definition.prefix",
        entry("CredentialSpecDomainless:{credspec_arn}"),
        "wrong case",
    ),
    Scenario("a bare ARN", "task-definition.prefix", entry("{credspec_arn}"), "no prefix"),
    Scenario(
        "the prefix of joined hosts",
        "task-definition.prefix",
        entry("credentialspec:{credspec_arn}"),
        "for domain-joined hosts",
    ),
    Scenario(
        "a misspelled prefix", "task-definition.prefix", entry("credentialspecsdomainless:{credspec_arn}"), "misspelled"
    ),
    Scenario(
        "a blank after the prefix",
        "task-definition.prefix",
        entry("credentialspecdomainless: {credspec_arn}"),
        "white space",
    ),
    Scenario(
        "the prefix twice",
        "task-definition.prefix",
        entry("credentialspecdomainless:credentialspecdomainless:{credspec_arn}"),
        "twice",
    ),
    Scenario(
        "a URL in place of the ARN",
        "task-definition.arn",
        entry("credentialspecdomainless:https://gmsa-credspecs.s3.amazonaws.com/webapp01_CredSpec.json"),
        "is not the ARN of an S3 object",
    ),
    Scenario(
        "an s3:// name in place of the ARN",
        "task-definition.arn",
        entry("credentialspecdomainless:s3://gmsa-credspecs/webapp01_CredSpec.json"),
        "is not the ARN of an S3 object",
    ),
    Scenario(
        "a bucket without a key",
        "task-definition.arn",
        entry("credentialspecdomainless:arn:aws:s3:::gmsa-credspecs"),
        "is not the ARN of an S3 object",
    ),
    Scenario("a # in the key", "task-definition.arn", obj(key="web#1.json"), "#"),
    Scenario("the daemon's test marker", "task-definition.arn", obj(key="functionaltestcfspec.json"), "test mode"),
    Scenario(
        "an SSM parameter on Fargate",
        "task-definition.arn",
        entry(f"credentialspecdomainless:arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/gmsa/webapp01"),
        "SSM parameter",
    ),
    Scenario(
        "another partition's ARN",
        "task-definition.arn",
        all_of(
            region("cn-north-1"), entry("credentialspecdomainless:arn:aws:s3:::gmsa-credspecs/webapp01_CredSpec.json")
        ),
        "partition aws",
    ),
    Scenario("no such object", "credspec.object", lambda it, _: setattr(it, "credspec", None), "does not exist"),
    Scenario(
        "the key in another case",
        "credspec.object",
        entry("credentialspecdomainless:arn:aws:s3:::gmsa-credspecs/WebApp01_CredSpec.json"),
        "does not exist",
    ),
    Scenario(
        "no such bucket",
        "credspec.object",
        entry("credentialspecdomainless:arn:aws:s3:::gmsa-credspec/webapp01_CredSpec.json"),
        "the bucket gmsa-credspec does not exist",
    ),
    Scenario("a bucket of another region", "credspec.object", obj(bucket_region="eu-west-1"), "is in eu-west-1"),
    Scenario(
        "the object's key disabled",
        "credspec.object",
        answered("s3", "GetObject", "KMS.DisabledException", "The key is disabled."),
        "cannot be decrypted",
    ),
)

_RESOLVED = {"hostname": "dc1.corp.example", "ipAddress": "10.0.0.2"}

PLATFORM = (
    Scenario(
        "platform version 1.3.0",
        "task-definition.platform-version",
        service(platformVersion="1.3.0"),
        "1.3.0 does not support gMSA",
    ),
    Scenario(
        "DNS servers of the container",
        "task-definition.dns-settings",
        container(dnsServers=["10.0.0.2"]),
        "web sets dnsServers",
    ),
    Scenario(
        "a search domain of the container",
        "task-definition.dns-settings",
        container(dnsSearchDomains=["corp.example"]),
        "web sets dnsSearchDomains",
    ),
    Scenario(
        "further hosts of a sidecar",
        "task-definition.dns-settings",
        second_container(extraHosts=[_RESOLVED]),
        "the container log sets extraHosts",
    ),
)

CREDSPEC = (
    Scenario("an empty object", "credspec.size", body(lambda _: b""), "is empty"),
    Scenario("4001 bytes", "credspec.size", padded(4001), "has 4001 bytes"),
    Scenario(
        "UTF-16 out of PowerShell",
        "credspec.document",
        body(lambda text: b"\xff\xfe" + text.encode("utf-16-le")),
        "UTF-16",
    ),
    Scenario(
        "a comma too many", "credspec.document", body(lambda text: f"{text[:-2]},\n}}".encode()), "line 31, column 4"
    ),
    Scenario("a list", "credspec.document", body(lambda text: f"[{text}]".encode()), "the document is"),
    Scenario(
        "a key in another case",
        "credspec.document",
        body(lambda text: text.replace("DomainJoinConfig", "DomainJoinconfig").encode()),
        "DomainJoinconfig (keys are case-sensitive)",
    ),
    Scenario("no DomainJoinConfig", "credspec.document", spec("DomainJoinConfig", None), "DomainJoinConfig is missing"),
    Scenario("no DnsName", "credspec.document", spec("DomainJoinConfig.DnsName", None), "DnsName is missing"),
    Scenario("no gMSA", "credspec.document", spec(GMSAS, []), "GroupManagedServiceAccounts"),
    Scenario(
        "no HostAccountConfig",
        "credspec.document",
        spec("ActiveDirectoryConfig.HostAccountConfig", None),
        "HostAccountConfig",
    ),
    Scenario(
        "PluginInput as on Windows",
        "credspec.document",
        spec(PLUGIN_INPUT, '{"CredentialArn": "{secret_arn}"}'),
        "Linux requires an object",
    ),
    Scenario("no CredentialArn", "credspec.document", spec(PLUGIN_INPUT, {}), "CredentialArn is missing"),
    Scenario("the gMSA with $", "credspec.names", spec(GMSAS, [{"Name": "webapp01$", "Scope": "corp"}]), "ends in $"),
    Scenario(
        "the gMSA with its domain",
        "credspec.names",
        spec(GMSAS, [{"Name": "CORP\\webapp01", "Scope": "corp"}]),
        "includes its domain",
    ),
    Scenario("the NetBIOS name as DnsName", "credspec.names", spec("DomainJoinConfig.DnsName", "CORP"), "has no dot"),
    Scenario(
        "a dot at the end of DnsName",
        "credspec.names",
        spec("DomainJoinConfig.DnsName", "corp.example."),
        "is not a domain name",
    ),
    Scenario(
        "the secret's name", "credspec.secret-link", credential_arn("gmsa/webapp01"), "not the ARN of a Secrets Manager"
    ),
    Scenario(
        "an SSM parameter for the secret",
        "credspec.secret-link",
        credential_arn(f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/gmsa/webapp01"),
        "not the ARN of a Secrets Manager secret",
    ),
    Scenario("a secret of another region", "credspec.secret-link", credential_arn(_ELSEWHERE), "is in eu-west-1"),
    Scenario(
        "a secret of another partition",
        "credspec.secret-link",
        credential_arn(_ELSEWHERE.replace("arn:aws:", "arn:aws-cn:").replace("eu-west-1", "us-east-1")),
        "partition aws-cn",
    ),
    Scenario("no such secret", "credspec.secret-link", secret_is(None), "does not exist"),
    Scenario(
        "a secret that is being deleted",
        "credspec.secret-link",
        after(
            lambda aws, made: aws.client("secretsmanager").delete_secret(
                SecretId=made.secret_arn, RecoveryWindowInDays=7
            )
        ),
        "is being deleted",
    ),
)

SECRET = (
    Scenario("a binary secret", "secret.value", secret_is(b'{"username": "gmsa-reader"}'), "SecretBinary"),
    Scenario("a bare password", "secret.value", secret_is("Passw0rd-Reader!"), "not JSON"),
    Scenario("a list in the secret", "secret.value", secret_is('["gmsa-reader"]'), "not an object"),
    Scenario("a number for the password", "secret.value", secret(password=987654321), "not a string"),
    Scenario("the secret's key disabled", "secret.value", key_disabled, "cannot be decrypted"),
    Scenario("DOMAIN\\user", "secret.fields", secret(username="CORP\\gmsa-reader"), "includes its domain"),
    Scenario("a UPN", "secret.fields", secret(username="gmsa-reader@corp.example"), "is a UPN"),
    Scenario("a user name with $", "secret.fields", secret(username="webhost01$"), "ends in $"),
    Scenario("a user name with a colon", "secret.fields", secret(username="gmsa-old:gmsa-reader"), "contains a colon"),
    Scenario(
        "Username for username",
        "secret.fields",
        secret(username=None, Username="gmsa-reader"),
        "spelled Username (keys are case-sensitive)",
    ),
    Scenario(
        "no password", "secret.fields", secret(password=None), "password or passwordOfStandardUserAccount is missing"
    ),
    Scenario(
        "the long keys on EC2",
        "secret.fields",
        all_of(
            on_ec2,
            secret(username=None, password=None),
            secret(usernameOfStandardUserAccount="gmsa-reader", passwordOfStandardUserAccount="Not-Read-1"),
        ),
        "on EC2 the ECS agent reads username, and the key is usernameOfStandardUserAccount",
    ),
    Scenario("no password on EC2", "secret.fields", all_of(on_ec2, secret(password=None)), "password is missing"),
    Scenario("an empty password", "secret.fields", secret(password=""), "password is empty"),
    Scenario("no domainName", "secret.fields", secret(domainName=None), "domainName is missing"),
    Scenario(
        "domainname for domainName", "secret.fields", secret(domainName=None, domainname="corp.example"), "spelled"
    ),
    Scenario("the NetBIOS name as domainName", "secret.fields", secret(domainName="CORP"), "is not a domain name"),
    Scenario("a password of 104 bytes", "secret.fields", secret(password="p" * 104), "password has 104"),
    Scenario(
        "only Windows's keys",
        "secret.fields",
        secret_is(json.dumps({"user": "a", "pass": "b"})),
        "username or usernameOfStandardUserAccount is missing",
    ),
)

SECRET_ON_EC2 = (
    Scenario("no domainName on EC2", "secret.fields", all_of(on_ec2, secret(domainName=None)), "domainName is missing"),
    Scenario("an empty password on EC2", "secret.fields", all_of(on_ec2, secret(password="")), "password is empty"),
    Scenario(
        "a number for the password on EC2, and the key in another spelling",
        "secret.value",
        all_of(on_ec2, secret(password=987654321, passwordOfStandardUserAccount=accounts.PASSWORDS[accounts.READER])),
        "password in the secret is a number",
    ),
    Scenario(
        "a comma too many in the secret, with 1.3",
        "secret.value",
        all_of(on_ec2, options("--fetcher", "1.3"), secret_is('{"username": "gmsa-reader", }')),
        "not JSON",
    ),
)

DHCP_OPTIONS = (
    Scenario(
        "a subnet that is gone",
        "dhcp-options.set",
        after(lambda aws, made: aws.client("ec2").delete_subnet(SubnetId=made.subnets[0])),
        "subnet",
    ),
    Scenario(
        "AmazonProvidedDNS alone",
        "dhcp-options.domain-name-servers",
        dhcp("AmazonProvidedDNS"),
        "no Resolver FORWARD rule",
    ),
    Scenario("no DHCP options set", "dhcp-options.domain-name-servers", no_dhcp_options, "no DHCP options set"),
    Scenario(
        "public DNS servers",
        "dhcp-options.domain-name-servers",
        dhcp("8.8.8.8", "8.8.4.4"),
        "none of which resolves corp.example",
    ),
    Scenario(
        "public DNS servers, and others that --ad-dns names",
        "dhcp-options.domain-name-servers",
        all_of(no_directory, dhcp("8.8.8.8"), options("--ad-dns", "10.1.1.1")),
        "10.1.1.1 (--ad-dns)",
    ),
)

EC2 = (
    Scenario(
        "an entry that EC2 passes over in silence",
        "task-definition.prefix",
        all_of(on_ec2, entry("Credentialspecdomainless:{credspec_arn}")),
        "starts without gMSA, silently",
    ),
    Scenario(
        "no credentialSpecs on EC2",
        "task-definition.credentialspecs",
        all_of(on_ec2, container(credentialSpecs=None)),
        "no credentialSpecs",
    ),
    Scenario(
        "an SSM parameter that is not there",
        "credspec.object",
        all_of(on_ec2, entry(f"credentialspecdomainless:arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/gmsa/webapp01")),
        "does not exist",
    ),
    Scenario("an encrypted SSM parameter", "credspec.object", in_a_parameter("SecureString"), "is a SecureString"),
    Scenario(
        "gMSA for a Windows container on Fargate",
        "task-definition.credentialspecs",
        all_of(
            service(platformVersion="1.0.0"),
            task(runtimePlatform={"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE", "cpuArchitecture": "X86_64"}),
        ),
        "Windows containers on Fargate",
    ),
)

USERS = (
    Scenario(
        "another user than root",
        "task-definition.user",
        container(user="1654"),
        "runs as 1654, who cannot read the ticket cache",
    ),
)

FAULTS = (*TASK_DEFINITION, *PLATFORM, *CREDSPEC, *SECRET, *SECRET_ON_EC2, *DHCP_OPTIONS, *EC2, *USERS)

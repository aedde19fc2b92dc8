"""Correct files, and mutants of them: one fault each, whose line is known.

A mutant is a base, the text that is replaced (once), the new text, and the start of the line that the finding must
point to.
"""

from __future__ import annotations

TASK_DEFINITION = """\
{
  "family": "web",
  "networkMode": "awsvpc",
  "requiresCompatibilities": ["FARGATE"],
  "executionRoleArn": "arn:aws:iam::111122223333:role/exec",
  "containerDefinitions": [
    {
      "name": "log",
      "image": "log:1",
      "essential": false,
      "environment": []
    },
    {
      "name": "web",
      "image": "web:1",
      "environment": [
        {
          "name": "KRB5CCNAME",
          "value": "/var/credentials-fetcher/krbdir/krb5cc"
        }
      ],
      "credentialSpecs": [
        "credentialspecdomainless:arn:aws:s3:::example-credspecs/web.json"
      ]
    }
  ]
}
"""
CREDSPEC = """\
{
  "CmsPlugins": [
    "ActiveDirectory"
  ],
  "DomainJoinConfig": {
    "Sid": "S-1-5-21-1-2-3",
    "MachineAccountName": "webapp01",
    "DnsTreeName": "corp.example.com",
    "DnsName": "corp.example.com",
    "NetBiosName": "CORP"
  },
  "ActiveDirectoryConfig": {
    "GroupManagedServiceAccounts": [
      {
        "Name": "webapp01",
        "Scope": "corp.example.com"
      }
    ],
    "HostAccountConfig": {
      "PortableCcgVersion": "1",
      "PluginInput": {
        "CredentialArn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:gmsa-AbCdEf"
      }
    }
  }
}
"""
TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Mode: {Type: String, Default: awsvpc}
Resources:
  Bucket:
    Type: AWS::S3::Bucket
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: web
      NetworkMode: !Ref Mode
      RequiresCompatibilities: [FARGATE]
      ExecutionRoleArn: arn:aws:iam::111122223333:role/exec
      ContainerDefinitions:
        - Name: log
          Image: log:1
          Essential: false
        - Name: web
          Image: web:1
          Environment:
            - Name: KRB5CCNAME
              Value: /var/credentials-fetcher/krbdir/krb5cc
          CredentialSpecs:
            - !Sub credentialspecdomainless:${Bucket.Arn}/web.json
"""
TERRAFORM = """\
resource "aws_ecs_task_definition" "web" {
  family                   = "web"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  execution_role_arn       = aws_iam_role.exec.arn
  container_definitions = jsonencode([
    {
      name  = "log"
      image = "log:1"
      essential = false
    },
    {
      name        = "web"
      image       = "web:${var.tag}"
      environment = [{ name = "KRB5CCNAME", value = "/var/credentials-fetcher/krbdir/krb5cc" }]
      credentialSpecs = [
        "credentialspecdomainless:arn:aws:s3:::example-credspecs/web.json"
      ]
    }
  ])
}
"""
BASES = {
    "td": (TASK_DEFINITION, "json"),
    "credspec": (CREDSPEC, "json"),
    "cfn": (TEMPLATE, "yaml"),
    "hcl": (TERRAFORM, "tf"),
}

ENTRY = "credentialspecdomainless:arn:aws:s3:::example-credspecs/web.json"
SPECS = f'''"credentialSpecs": [
        "{ENTRY}"
      ]'''
CFN_SPECS = "          CredentialSpecs:\n            - !Sub credentialspecdomainless:${Bucket.Arn}/web.json\n"
HCL_SPECS = f'credentialSpecs = [\n        "{ENTRY}"\n      ]'
SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:gmsa-AbCdEf"
HOST_CONFIG = f'''{{
      "PortableCcgVersion": "1",
      "PluginInput": {{
        "CredentialArn": "{SECRET}"
      }}
    }}'''

MUTANTS: list[tuple[str, str, str, str]] = [
    # the entry
    ("td", "credentialspecdomainless:", "credentialspec:", '"credentialspec:'),
    ("td", "credentialspecdomainless:", "CredentialSpecDomainless:", '"CredentialSpec'),
    ("td", "credentialspecdomainless:", "credentialspecdomainless", '"credentialspecdomainlessarn'),
    ("td", "credentialspecdomainless:", "credentialspecdomainless: ", '"credentialspecdomainless: '),
    ("td", "credentialspecdomainless:", "domainlesscredentialspec:", '"domainless'),
    ("td", "credentialspecdomainless:", "", '"arn:aws:s3'),
    ("td", "arn:aws:s3:::example-credspecs", "s3://example-credspecs", '"credentialspecdomainless:s3'),
    ("td", "arn:aws:s3:::example-credspecs", "arn:aws:s3:::Example Credspecs", '"credentialspecdomainless:'),
    ("td", "arn:aws:s3:::example-credspecs", "arn:aws:s3:::*", '"credentialspecdomainless:'),
    ("td", "arn:aws:s3:::example-credspecs", "arn:aws:s3:::<bucket>", '"credentialspecdomainless:'),
    ("td", "arn:aws:s3:::example-credspecs", "arn:aws:s3:::{{ bucket }}", '"credentialspecdomainless:'),
    ("td", "arn:aws:s3:::example-credspecs", "arn:aws:s3:us-east-1::example-credspecs", '"credentialspecdomainless:'),
    ("td", "arn:aws:s3:::example-credspecs", "arn:aws:dynamodb:::example", '"credentialspecdomainless:'),
    ("td", "/web.json", "/a#b.json", '"credentialspecdomainless:'),
    ("td", "/web.json", "", '"credentialspecdomainless:'),
    ("td", f'"{ENTRY}"', f'"{ENTRY}",\n        "{ENTRY}x"', '"credentialSpecs"'),
    # the key
    ("td", SPECS, f'"credentialSpecs": "{ENTRY}"', '"credentialSpecs"'),
    ("td", '"credentialSpecs"', '"credential_specs"', '"credential_specs"'),
    ("td", '"credentialSpecs"', '"CredentialSpecs"', '"CredentialSpecs"'),
    ("td", '"credentialSpecs"', '"credentialSpec"', '"credentialSpec"'),
    ("td", '"credentialSpecs"', '"credential-specs"', '"credential-specs"'),
    ("td", SPECS, f'"dockerSecurityOptions": ["{ENTRY}"]', '"dockerSecurityOptions"'),
    # the task
    ("td", '"awsvpc"', '"bridge"', '"networkMode"'),
    ("td", '  "networkMode": "awsvpc",\n', "", "{"),
    ("td", '  "executionRoleArn": "arn:aws:iam::111122223333:role/exec",\n', "", "{"),
    ("td", '"environment": []', '"dnsServers": ["10.0.0.2"]', '"dnsServers"'),
    ("td", '"image": "web:1",', '"image": "web:1",\n      "dnsSearchDomains": ["corp.example"],', '"dnsSearchDomains"'),
    ("td", '"essential": false', '"essential": "false"', '"essential"'),
    ("td", '"awsvpc",', '"awsvpc"', '"requiresCompatibilities"'),
    ("td", '"family": "web",', '"family": "web",\n  "family": "web",', '"family": "web",\n  "network'),
    # the CredSpec
    ("credspec", "webapp01\",\n        \"Scope", "webapp01$\",\n        \"Scope", '"Name": "webapp01$"'),
    ("credspec", "webapp01\",\n        \"Scope", "CORP\\\\webapp01\",\n        \"Scope", '"Name": "CORP'),
    ("credspec", "webapp01\",\n        \"Scope", "webapp01@corp.example.com\",\n        \"Scope", '"Name": "webapp01@'),
    ("credspec", "webapp01\",\n        \"Scope", "<gMSA>\",\n        \"Scope", '"Name": "<gMSA>"'),
    ("credspec", "webapp01\",\n        \"Scope", "webapp01\u200b\",\n        \"Scope", '"Name": "webapp01\u200b"'),
    ("credspec", '"DnsName": "corp.example.com"', '"DnsName": "corp_example.com"', '"DnsName"'),
    ("credspec", '"DnsName": "corp.example.com"', '"DnsName": "corp.example.com."', '"DnsName"'),
    ("credspec", '"DnsName": "corp.example.com"', '"DnsName": "${DOMAIN}"', '"DnsName"'),
    ("credspec", '    "DnsName": "corp.example.com",\n', "", '"DomainJoinConfig"'),
    ("credspec", '"DnsName": "corp', '"DNSName": "corp', '"DNSName"'),
    ("credspec", '"Name": "webapp01"', '"name": "webapp01"', '"name": "webapp01"'),
    ("credspec", '"GroupManagedServiceAccounts"', '"groupManagedServiceAccounts"', '"groupManaged'),
    ("credspec", '"CredentialArn"', '"credentialArn"', '"credentialArn"'),
    ("credspec", SECRET, "arn:aws:secretsmanager:aws-region:111122223333:secret:x", '"CredentialArn"'),
    ("credspec", SECRET, SECRET.replace("111122223333", "123456789012"), '"CredentialArn"'),
    ("credspec", SECRET, SECRET.replace("arn:aws:", "arn:aws-cn:"), '"CredentialArn"'),
    ("credspec", SECRET, SECRET.replace("secretsmanager", "ssm"), '"CredentialArn"'),
    ("credspec", SECRET, "gmsa", '"CredentialArn"'),
    ("credspec", f'{{\n        "CredentialArn": "{SECRET}"\n      }}', '"{}"', '"PluginInput"'),
    ("credspec", '"NetBiosName": "CORP"', '"NetBiosName": "CORP",', '"NetBiosName"'),
    ("credspec", '"NetBiosName": "CORP"', '"NetBiosName": \u201cCORP\u201d', '"NetBiosName"'),
    ("credspec", '"Sid": "S-1', '// the domain\n    "Sid": "S-1', "// the domain"),
    ("credspec", '"Sid": "S-1-5-21-1-2-3",', '"Sid": "S-1-5-21-1-2-3"', '"MachineAccountName"'),
    ("credspec", '"NetBiosName": "CORP"', '"Sid": "S-1-5-21-1-2-4"', '"Sid": "S-1-5-21-1-2-4"'),
    ("credspec", '"MachineAccountName": "webapp01"', '"MachineAccountName": "other"', '"MachineAccountName"'),
    # CloudFormation
    ("cfn", "credentialspecdomainless:", "credentialspec:", "- !Sub credentialspec:"),
    ("cfn", "/web.json", "/a#b.json", "- !Sub"),
    ("cfn", "${Bucket.Arn}", "arn:aws:sqs:${AWS::Region}:1:${Bucket}", "- !Sub"),
    ("cfn", CFN_SPECS, "          CredentialSpecs: credentialspec:arn:aws:s3:::bucket/x\n", "CredentialSpecs:"),
    ("cfn", "          CredentialSpecs:", "          credentialSpecs:", "credentialSpecs:"),
    ("cfn", CFN_SPECS, "", "- Name: web"),
    ("cfn", "Default: awsvpc", "Default: bridge", "NetworkMode:"),
    ("cfn", "Essential: false", "DnsServers: [10.0.0.2]", "DnsServers:"),
    ("cfn", "      ExecutionRoleArn: arn:aws:iam::111122223333:role/exec\n", "", "Task:"),
    ("cfn", "  Image: web:1", "  Image: web:1\n          Image: web:2", "Image: web:2"),
    # Terraform
    ("hcl", "credentialspecdomainless:", "credentialspec:", '"credentialspec:'),
    ("hcl", "credentialSpecs =", "credential_specs =", "credential_specs ="),
    ("hcl", '"awsvpc"', '"bridge"', "network_mode"),
    ("hcl", 'image = "log:1"', 'image = "log:1"\n      dnsServers = ["10.0.0.2"]', "dnsServers"),
    ("hcl", HCL_SPECS, "", "{\n      name        ="),
]  # fmt: skip


def mutants() -> dict[str, tuple[str, int]]:
    """The text of each mutant by its file's name, and the line of its fault."""
    made = {}
    for number, (base, old, new, anchor) in enumerate(MUTANTS):
        text, suffix = BASES[base]
        assert text.count(old) == 1, (number, old)
        mutated = text.replace(old, new)
        assert mutated.count(anchor) == 1 or anchor == "{", (number, anchor)
        made[f"{number:02}-{base}.{suffix}"] = (mutated, mutated.count("\n", 0, mutated.index(anchor)) + 1)
    return made

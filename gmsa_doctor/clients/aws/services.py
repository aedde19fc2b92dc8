"""All read-only AWS clients, one a service: Get, BatchGet, List, Describe, Head and Simulate calls only."""

from __future__ import annotations

from gmsa_doctor.clients.aws.directory_service import DirectoryService
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.ecr import Ecr
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.iam import Iam
from gmsa_doctor.clients.aws.kms import Kms
from gmsa_doctor.clients.aws.logs import Logs
from gmsa_doctor.clients.aws.organizations import Organizations
from gmsa_doctor.clients.aws.rds import Rds
from gmsa_doctor.clients.aws.route53 import Route53, Route53Profiles, Route53Resolver
from gmsa_doctor.clients.aws.s3 import S3
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.clients.aws.ssm import Ssm
from gmsa_doctor.clients.aws.sts import Sts

AWS_CLIENTS = (
    *(Sts, Ecs, S3, Ssm, SecretsManager, Iam, Kms, Ecr, Logs, Ec2, DirectoryService),
    *(Route53Resolver, Route53, Route53Profiles, Rds, Organizations),
)

"""The built-in checks, a module or a package for each area. They are found by walking this package."""

from gmsa_doctor.core.check_id import CheckId

_ORDER = """
task-definition.registered task-definition.credentialspecs task-definition.prefix task-definition.arn
execution-role.present execution-role.trust task-definition.platform-version task-definition.network-mode
task-definition.dns-settings task-definition.one-domain service.revision task-definition.lost-in-registration
container-instances.gmsa task-definition.user task-definition.krb5ccname credspec.object credspec.size
credspec.document credspec.names credspec.secret-link secret.value secret.fields secret.domain
execution-role.credspec execution-role.ssm execution-role.secret instance-role.secret directory-service.directories
directory-service.type execution-role.kms execution-role.image log-group.present execution-role.logs
execution-role.task-secrets network-path.subnets network-path.route-tables network-path.endpoints
network-path.private-names network-path.security-groups network-path.way-out dhcp-options.set network-path.services
network-access.hosts network-access.interfaces network-access.routes network-access.security-groups
dhcp-options.dns-support dhcp-options.domain-name-servers network-path.s3 network-path.secrets-manager
network-path.ecr network-path.logs network-access.network-acls network-path.network-acls dhcp-options.domain-name
dhcp-options.in-use dhcp-options.names-of-services resolver-rule.targets resolver-rule.endpoint
network-access.hosts-security-groups network-access.passage dns.domain-controllers network.kerberos network.ldap
domain-controllers.root-dse domain-controllers.domain domain-controllers.functional-level
domain-controllers.read-only domain-controllers.kerberos-udp domain-controllers.other-ports
domain-controllers.reverse-names user.administrator kerberos.user-ticket kerberos.clock directory.bind
directory.gmsa-account directory.managed-password gmsa.encryption-types kerberos.gmsa-ticket sql-server.app-secrets
sql-server.connection-string sql-server.rds sql-server.instance sql-server.name kerberos.service-ticket
permission.principals kerberos.encryption-types kerberos.ticket-life kerberos.krb5-conf kerberos.trust
domain-controllers.bind domain-controllers.user domain-controllers.gmsa user.entry user.kind user.password-expiry
user.account user.encryption-types gmsa.rotation gmsa.kds-root-key gmsa.dns-host-name credspec.domain-data
sql-server.spn sql-server.port sql-server.login probe.task probe.report probe.removed canary.task canary.ticket
canary.service-ticket config.waivers
"""
ORDER = tuple(CheckId(id) for id in _ORDER.split())
"""The order of findings in reports: the way from the task definition to the ticket.

A check that is not listed comes after the last one of its area, and a new area comes last.
"""

"""The built-in checks, a module or a package for each area. They are found by walking this package."""

from gmsa_doctor.authoring import CheckId, Owner, Step

_STEPS = {
    Step.TASK: """
        task-definition.registered task-definition.credentialspecs task-definition.prefix task-definition.arn
        execution-role.present execution-role.trust task-role.trust task-start.trust task-start.permissions
        task-definition.platform-version
        task-definition.network-mode
        task-definition.dns-settings task-definition.one-domain service.revision task-definition.lost-in-registration
        container-instances.gmsa container-instances.ecs-config
        task-definition.image task-definition.user task-definition.krb5ccname execution-role.image
        network-path.ecr log-group.present execution-role.logs network-path.logs
        network-path.public-registry execution-role.task-secrets network-path.systems-manager
        """,
    Step.CREDSPEC: """
        execution-role.credspec execution-role.ssm network-path.subnets network-path.route-tables
        network-path.endpoints network-path.private-names network-path.security-groups network-path.way-out
        network-path.services network-path.s3 network-path.network-acls credspec.object credspec.size
        credspec.document credspec.names credspec.secret-link credspec.domain-data
        """,
    Step.SECRET: """
        execution-role.secret execution-role.kms instance-role.secret network-path.secrets-manager secret.value
        secret.fields secret.domain
        """,
    Step.DNS: """
        directory-service.directories directory-service.type dhcp-options.set dhcp-options.dns-support
        dhcp-options.domain-name-servers dhcp-options.domain-name dhcp-options.in-use dhcp-options.names-of-services
        resolver-rule.targets resolver-rule.endpoint dns-firewall.names dns.domain-controllers
        """,
    Step.USER_LOGON: """
        network-access.hosts network-access.interfaces network-access.routes network-access.security-groups
        network-access.network-acls network-access.hosts-security-groups network-access.passage network.kerberos
        network.ldap domain-controllers.root-dse domain-controllers.domain domain-controllers.functional-level
        domain-controllers.read-only domain-controllers.kerberos-udp domain-controllers.other-ports
        domain-controllers.reverse-names kerberos.clock user.administrator kerberos.user-ticket user.entry user.kind
        user.password-expiry user.account user.encryption-types domain-controllers.user
        """,
    Step.LDAP_BIND: "directory.bind domain-controllers.bind",
    Step.GMSA_PASSWORD: """
        directory.gmsa-account directory.managed-password permission.principals gmsa.rotation gmsa.kds-root-key
        domain-controllers.gmsa
        """,
    Step.GMSA_TICKET: """
        gmsa.encryption-types kerberos.gmsa-ticket kerberos.encryption-types kerberos.ticket-life gmsa.dns-host-name
        canary.task canary.ticket
        """,
    Step.SERVICE_TICKET: """
        sql-server.app-secrets sql-server.connection-string sql-server.rds sql-server.instance sql-server.name
        kerberos.krb5-conf kerberos.trust kerberos.service-ticket sql-server.spn sql-server.port sql-server.login
        canary.service-ticket
        """,
    None: """
        evidence.service-events evidence.stopped-tasks evidence.logs evidence.journal
        probe.task probe.report probe.removed config.waivers plug-ins.loaded
        """,
}
STEPS = {step: tuple(CheckId(id) for id in ids.split()) for step, ids in _STEPS.items()}
"""The checks of each step from the task definition to the ticket, in the order of reports. None: the run's own checks.

A check that is not listed comes after the last one of its area, and a new area comes last.
"""

_OWNERS = {
    Owner.DEVELOPER: "task-definition credspec service config plug-ins",
    Owner.AWS: """
        secret execution-role task-role task-start instance-role log-group container-instances dhcp-options
        resolver-rule dns-firewall directory-service network-path network-access network evidence probe canary
        """,
    Owner.AD: "dns domain-controllers kerberos directory gmsa permission user sql-server",
}
OWNERS = {area: owner for owner, areas in _OWNERS.items() for area in areas.split()}
"""Who can fix what the checks of an area find. A finding whose fix names an owner overrules it."""

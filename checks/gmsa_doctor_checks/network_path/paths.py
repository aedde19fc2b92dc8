"""How a flow gets to a service of AWS: by an endpoint, or by the way out of the VPC. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network

from gmsa_doctor.authoring import Fix, Outcome, Status, bundle
from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.formats.aws.iam_policy_document import PolicyError, PolicyRequest, rule
from gmsa_doctor.formats.aws.route_table import is_public
from gmsa_doctor.formats.aws.security_group import admit, by_ipv6
from gmsa_doctor.formats.aws.vpc_endpoint import GATEWAY, INTERFACE, VpcEndpoint
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.network_path.values import Exits, ExitState, PathGroups, PrivateNames, VpcEndpoints
from gmsa_doctor_checks.reachability.flow import HTTPS, Flow
from gmsa_doctor_checks.reachability.network import SubnetRoutes, TaskSubnet, TaskSubnets
from gmsa_doctor_checks.reachability.obstacles import Fault, Layer
from gmsa_doctor_checks.reachability.services import ServicePath, endpoint_service
from gmsa_doctor_checks.values import DhcpOptions
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import own_servers

_PORT = HTTPS.number


@bundle
@dataclass(frozen=True)
class VpcView:
    """The network between the task's subnets and AWS's services, as far as it is known."""

    place: AwsPlace
    subnets: TaskSubnets
    routes: SubnetRoutes
    endpoints: VpcEndpoints
    exits: Outcome[Exits]
    names: Outcome[PrivateNames]
    groups: Outcome[PathGroups]
    options: Outcome[DhcpOptions]

    @property
    def own_dns(self) -> bool:
        """Whether the VPC's tasks may ask other DNS servers than its resolver."""
        return self.options.value is None or bool(own_servers(self.options.value))


@dataclass(frozen=True)
class ServiceRequest:
    """What the task does at a service, as an endpoint's policy sees it."""

    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


@dataclass(frozen=True)
class TaskAccess:
    """Who asks the services: the ids of the task's groups, also where these cannot be read; and what it asks them."""

    groups: tuple[str, ...] = ()
    role: RoleArn | None = None
    requests: Mapping[str, ServiceRequest] = field(default_factory=dict)


@dataclass(frozen=True)
class PathSearch:
    """The search for a path of a flow from a subnet to a service."""

    view: VpcView
    access: TaskAccess
    subnet: TaskSubnet
    flow: Flow

    def path(self) -> ServicePath:
        """The path to a service of the task's region."""
        if not self.subnet.cidr:
            return self._path(Status.SKIPPED, f"{self.subnet.id} has no IPv4, and is not judged")
        endpoints = self.endpoints
        in_use = [endpoint for endpoint in endpoints if endpoint.kind == INTERFACE and endpoint.private_dns]
        if in_use and not self._names_off:
            # those deleted are listed for a while
            return self._by_interface(next((found for found in in_use if found.available), in_use[0]))
        return self._by_public_addresses(endpoints)

    def path_abroad(self) -> ServicePath:
        """The path to a service of another region, which an endpoint may be for as well: that is not looked at."""
        found = self._by_exit(())
        if found.status is not Status.FAIL or not self.view.endpoints.abroad:
            return found
        vpc = self.view.subnets.vpc.id
        text = f"{found.text}; whether an endpoint of {vpc} for another region leads there was not looked at"
        return replace(found, status=Status.WARN, text=text)

    @property
    def endpoints(self) -> tuple[VpcEndpoint, ...]:
        """Those of the VPC for the service."""
        return self.view.endpoints.of(endpoint_service(self.flow.destination))

    @property
    def _names_off(self) -> tuple[str, ...]:
        return self.view.names.value.off if self.view.names.value else ()

    def _path(self, status: Status, text: str, *faults: Fault) -> ServicePath:
        return ServicePath(self.flow, str(self.subnet), status, text, faults)

    def _fault(self, layer: Layer, by: str, fix: Fix | None) -> Fault:
        return Fault(layer, by, self.subnet.id, fix)

    def _by_public_addresses(self, endpoints: tuple[VpcEndpoint, ...]) -> ServicePath:
        table = self.view.routes.of(self.subnet.id)
        for endpoint in endpoints:
            if endpoint.kind == GATEWAY and table and table.id in endpoint.route_tables:
                return self._by_gateway(endpoint)
        return self._by_exit(endpoints)

    # By an endpoint ---------------------------------------------------------------------------------

    def _by_interface(self, endpoint: VpcEndpoint) -> ServicePath:
        found = self._at_interface(endpoint)
        if not self.view.own_dns:
            return found
        if found.status is not Status.FAIL:
            others = tuple(other for other in self.endpoints if other != endpoint)
            return replace(found, only_by=endpoint.id if self._by_public_addresses(others).blocked else "")
        if self._by_exit(()).status is not Status.PASS:
            return found
        text = f"{found.text}; it is a way only if the task's DNS servers give the service's public addresses"
        return replace(found, status=Status.WARN, text=text)

    def _at_interface(self, endpoint: VpcEndpoint) -> ServicePath:
        name = f"the endpoint {endpoint.id}"
        if not endpoint.available or not endpoint.subnets:
            state = "in no subnet" if endpoint.available else endpoint.state
            fix = Fix(
                f"Make {endpoint.id} available, or make another endpoint for the service.", (self._describe(endpoint),)
            )
            return self._path(Status.FAIL, f"{name} is {state}", self._fault(Layer.ENDPOINT, endpoint.id, fix))
        if blocked := self._blocked_by_groups_of(endpoint):
            return blocked
        in_vpc = tuple(map(IPv4Network, self.view.subnets.vpc.cidrs))
        if not self._lets_out(lambda network: any(map(network.overlaps, in_vpc)), endpoint.groups):
            return self._no_egress(name)
        if denied := self._denied_by(endpoint):
            return denied
        dns = ", if the VPC's DNS servers ask the VPC's resolver for it" if self.view.own_dns else ""
        return self._path(Status.PASS, f"by {name}{dns}")

    def _blocked_by_groups_of(self, endpoint: VpcEndpoint) -> ServicePath | None:
        """What the endpoint's groups keep out; None if nothing, or if it cannot be known."""
        groups = self.view.groups.value
        known = groups.named(endpoint.groups) if groups else ()
        if groups is None or not known or len(known) != len(set(endpoint.groups)):
            return None
        cidr = self.subnet.cidr
        packets = self.flow.packets(IPv4Network(cidr))
        rules = [rule for group in known for rule in group.ingress]
        if self.subnet.ipv6 and by_ipv6(rules, packets):
            return None
        admission = admit(rules, packets, dict(groups.prefix_lists), frozenset(self.access.groups) or None)
        if admission.whole or admission.doubts:
            return None
        names = ", ".join(endpoint.groups)
        source = f"--source-group {posix(self.access.groups[0])}" if self.access.groups else f"--cidr {cidr}"
        fix = Fix(
            f"Let {names} of {endpoint.id} admit TCP {_PORT} from the task.",
            (
                f"aws ec2 authorize-security-group-ingress{self.view.place.region_option} "
                f"--group-id {posix(endpoint.groups[0])} --protocol tcp --port {_PORT} {source}",
            ),
        )
        fault = self._fault(Layer.ENDPOINT, names, fix)
        if sum(missing.count for missing in admission.missing) < packets.count:
            text = f"{names} of the endpoint {endpoint.id} admits TCP {_PORT} only from a part of {cidr}"
            return self._path(Status.WARN, text, fault)
        text = f"{names} of the endpoint {endpoint.id} does not admit TCP {_PORT} from {cidr}"
        return self._path(Status.FAIL, text, fault)

    def _by_gateway(self, endpoint: VpcEndpoint) -> ServicePath:
        name = f"the gateway endpoint {endpoint.id}"
        if not endpoint.available:
            out = self._by_exit(())
            return replace(out, text=f"{name} is {endpoint.state}; {out.text}")
        if not self._lets_out(is_public):
            return self._no_egress("S3's public addresses, which the gateway endpoint is for")
        return self._denied_by(endpoint) or self._path(Status.PASS, f"by {name}")

    def _denied_by(self, endpoint: VpcEndpoint) -> ServicePath | None:
        """An endpoint's policy that certainly refuses what is asked."""
        request, role = self.access.requests.get(self.flow.destination), self.access.role
        if not request or not role or not endpoint.policy:
            return None
        region = self.view.place.region
        context = {
            "aws:principalarn": (str(role),),
            "aws:principalaccount": (role.account,),
            "aws:principaltype": ("AssumedRole",),
            "aws:securetransport": ("true",),
            "aws:sourcevpc": (self.view.subnets.vpc.id,),
            "aws:sourcevpce": (endpoint.id,),
            **({"aws:requestedregion": (region,)} if region else {}),
        }
        try:
            ruling = rule(endpoint.policy, PolicyRequest(role, request.action, request.resource, context))
        except PolicyError:
            return None
        if ruling.denies is True:
            by = f" ({ruling.denied_by})" if ruling.denied_by else ""
            text = f"a statement{by} in the policy of the endpoint {endpoint.id} denies {request}"
        elif ruling.allows is False and ruling.delegates is False:
            text = f"the policy of the endpoint {endpoint.id} does not allow {request}"
        else:
            return None
        fix = Fix(f"Let the policy of {endpoint.id} allow {request}.", (self._describe(endpoint),))
        return self._path(Status.FAIL, text, self._fault(Layer.POLICY, endpoint.id, fix))

    def _describe(self, endpoint: VpcEndpoint) -> str:
        region = self.view.place.region_option
        return f"aws ec2 describe-vpc-endpoints{region} --vpc-endpoint-ids {posix(endpoint.id)}"

    # By the way out ---------------------------------------------------------------------------------

    def _by_exit(self, unused: tuple[VpcEndpoint, ...]) -> ServicePath:
        """``unused``: endpoints that are of no use to the subnet."""
        out = self.view.exits.value.of(self.subnet.id) if self.view.exits.value else None
        if out is None:
            return self._path(Status.SKIPPED, "its way out of the VPC is not known")
        vpc, shared = self.view.subnets.vpc, self.view.subnets.shared
        if out.state is ExitState.CLOSED:
            if shared:
                text = f"{out.text}; whether {vpc.owner}, who owns the VPC, has endpoints cannot be seen"
                return self._path(Status.SKIPPED, text)
            why, faults = self._why_unused(unused[0]) if unused else ("no endpoint", ())
            text = f"{why}, and {out.text}"
            if out.elsewhere:
                text += "; only an endpoint in another network could serve it, or what else is reached by "
                text += ", ".join(out.elsewhere[:3])
            status = Status.WARN if out.elsewhere else Status.FAIL
            return self._path(status, text, *faults, self._fault(Layer.ROUTE, "", out.fix))
        anywhere = out.state is ExitState.ELSEWHERE or shared  # the owner's endpoints are not seen
        if not self._lets_out((lambda _: True) if anywhere else is_public):
            return self._no_egress("addresses outside the VPC")
        return self._path(Status.PASS, out.text)

    def _why_unused(self, endpoint: VpcEndpoint) -> tuple[str, tuple[Fault, ...]]:
        """Why there is an endpoint, and it is of no use to the subnet; what has to be fixed."""
        region, vpc, off = self.view.place.region_option, self.view.subnets.vpc.id, self._names_off
        modify = f"aws ec2 modify-vpc-endpoint{region} --vpc-endpoint-id {posix(endpoint.id)}"
        if endpoint.kind == GATEWAY:
            table = self.view.routes.of(self.subnet.id)
            name = table.id if table else "<route table>"
            command = f"{modify} --add-route-table-ids {posix(name)}"
            fix = Fix(f"Add {name} to the route tables of the gateway endpoint {endpoint.id}.", (command,))
            text = f"the gateway endpoint {endpoint.id} is not on {name}"
            return text, (self._fault(Layer.ENDPOINT, f"{endpoint.id} on {name}", fix),)
        if endpoint.private_dns and off:
            commands = tuple(
                f"aws ec2 modify-vpc-attribute{region} --vpc-id {posix(vpc)} "
                f"--{'enable-dns-support' if name == 'enableDnsSupport' else 'enable-dns-hostnames'} Value=true"
                for name in off
            )
            names = " and ".join(off)
            fix = Fix(f"Turn on {names} of {vpc}: the private DNS of endpoints needs it.", commands)
            text = f"{names} of {vpc} is off, so that the endpoint {endpoint.id} is not found"
            return text, (self._fault(Layer.DNS, names, fix),)
        fix = Fix(f"Turn on the private DNS of {endpoint.id}.", (f"{modify} --private-dns-enabled",))
        text = f"the endpoint {endpoint.id} has no private DNS, so that the service's usual name does not lead to it"
        return text, (self._fault(Layer.ENDPOINT, f"private DNS of {endpoint.id}", fix),)

    # Egress -----------------------------------------------------------------------------------------

    def _lets_out(self, wanted: Callable[[IPv4Network], bool], peers: tuple[str, ...] = ()) -> bool:
        """Whether the task's groups let it out to port 443 of anything that is wanted.

        Yes, where they are not known, or let it out by IPv6, which is not judged.
        """
        groups, packets = self.view.groups.value, self.flow.requests
        if not groups or not groups.task:
            return True
        rules = [rule for group in groups.task for rule in group.egress if rule.covers(packets)]
        if self.subnet.ipv6 and by_ipv6(rules, packets):
            return True
        lists = dict(groups.prefix_lists)
        networks = (
            network
            for rule in rules
            for network in (*rule.networks, *(found for id in rule.prefix_lists for found in lists.get(id, ())))
        )
        return any(set(rule.groups) & set(peers) for rule in rules) or any(map(wanted, networks))

    def _no_egress(self, destination: str) -> ServicePath:
        groups = self.access.groups
        names = ", ".join(groups)
        fix = Fix(
            f"Let {names} out to TCP {_PORT}.",
            (
                f"aws ec2 authorize-security-group-egress{self.view.place.region_option} "
                f"--group-id {posix(groups[0])} --protocol tcp --port {_PORT} --cidr 0.0.0.0/0",
            ),
        )
        text = f"no outbound rule of {names} admits TCP {_PORT} to {destination}"
        return self._path(Status.FAIL, text, self._fault(Layer.GROUP, groups[0], fix))

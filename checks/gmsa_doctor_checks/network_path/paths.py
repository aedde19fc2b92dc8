"""The path of a flow to an AWS service: through an endpoint, or a route out of the VPC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network

from gmsa_doctor.authoring import Fix, Outcome, Status, alternatives, bundle
from gmsa_doctor.formats.aws.route_table import is_public, route_for
from gmsa_doctor.formats.aws.security_group import admit, by_ipv6
from gmsa_doctor.formats.aws.vpc_endpoint import GATEWAY, INTERFACE, VpcEndpoint
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.network_path.endpoints import PathGroups, PrivateNames, VpcEndpoints
from gmsa_doctor_checks.network_path.exits import Exit, Exits, ExitState
from gmsa_doctor_checks.network_path.policies import TaskAccess, denial
from gmsa_doctor_checks.reachability.fixes import HTTPS_TO_ANYWHERE, authorize
from gmsa_doctor_checks.reachability.flow import Flow
from gmsa_doctor_checks.reachability.network import SubnetRoutes, TaskSubnet, TaskSubnets
from gmsa_doctor_checks.reachability.obstacles import Fault, Layer
from gmsa_doctor_checks.reachability.services import (
    PUBLIC_REGISTRY,
    NewEndpoint,
    ServicePath,
    endpoint_name,
    endpoint_service,
)
from gmsa_doctor_checks.values import DhcpOptions
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import own_servers

_BOTH = "enableDnsSupport and enableDnsHostnames"


@bundle
@dataclass(frozen=True)
class VpcView:
    """The known network between the task's subnets and AWS services."""

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
        """Whether the VPC's tasks may use other DNS servers than its resolver."""
        return self.options.value is None or bool(own_servers(self.options.value))


@dataclass(frozen=True)
class PathSearch:
    """The search for the path of a flow from a subnet to a service."""

    view: VpcView
    access: TaskAccess
    subnet: TaskSubnet
    flow: Flow

    def path(self) -> ServicePath:
        """The path to a service of the task's region."""
        if not self.subnet.cidr:
            return self._path(Status.SKIPPED, f"{self.subnet.id} has no IPv4; not checked")
        endpoints = self.endpoints
        in_use = [endpoint for endpoint in endpoints if endpoint.kind == INTERFACE and endpoint.private_dns]
        if in_use and not self._names_off:
            # deleted endpoints are listed for a while
            return self._by_interface(next((found for found in in_use if found.available), in_use[0]))
        return self._by_public_addresses(endpoints)

    def path_abroad(self) -> ServicePath:
        """The path to a service of another region; endpoints for other regions are not checked."""
        found = self._by_exit(())
        if found.status is not Status.FAIL or not self.view.endpoints.abroad:
            return found
        vpc = self.view.subnets.vpc.id
        text = f"{found.text}; not checked whether an endpoint of {vpc} is for that region"
        return replace(found, status=Status.WARN, text=text)

    @property
    def endpoints(self) -> tuple[VpcEndpoint, ...]:
        """The VPC's endpoints for the service."""
        return self.view.endpoints.of(endpoint_service(self.flow.destination))

    @property
    def _names_off(self) -> tuple[str, ...]:
        return self.view.names.value.off if self.view.names.value else ()

    def _path(self, status: Status, text: str, *faults: Fault) -> ServicePath:
        return ServicePath(self.flow, str(self.subnet), status, text, faults)

    def _fault(self, layer: Layer, by: str, fix: Fix | None) -> Fault:
        return Fault(layer, by, self.subnet.id, fix)

    def _failed(self, text: str, layer: Layer, by: str, fix: str, *commands: str) -> ServicePath:
        return self._path(Status.FAIL, text, self._fault(layer, by, Fix(fix, commands)))

    def _by_public_addresses(self, endpoints: tuple[VpcEndpoint, ...]) -> ServicePath:
        table = self.view.routes.of(self.subnet.id)
        for endpoint in endpoints:
            if endpoint.kind == GATEWAY and table and table.id in endpoint.route_tables:
                return self._by_gateway(endpoint)
        return self._by_exit(endpoints)

    # Through an endpoint -----------------------------------------------------------------------------

    def _by_interface(self, endpoint: VpcEndpoint) -> ServicePath:
        found = self._at_interface(endpoint)
        if not self.view.own_dns:
            return found
        if found.status is not Status.FAIL:
            others = tuple(other for other in self.endpoints if other != endpoint)
            return replace(found, only_by=endpoint.id if self._by_public_addresses(others).blocked else "")
        if self._by_exit(()).status is not Status.PASS:
            return found
        text = f"{found.text}; works only if the task's DNS servers return the service's public addresses"
        return replace(found, status=Status.WARN, text=text)

    def _at_interface(self, endpoint: VpcEndpoint) -> ServicePath:
        name = f"the endpoint {endpoint.id}"
        if not endpoint.available or not endpoint.subnets:
            state = "in no subnet" if endpoint.available else endpoint.state
            fix = f"Find out why {endpoint.id} is {state} and fix it, or create another endpoint for the service."
            return self._failed(f"{name} is {state}", Layer.ENDPOINT, endpoint.id, fix, self._describe(endpoint))
        if blocked := self._blocked_by_groups_of(endpoint):
            return blocked
        in_vpc = tuple(map(IPv4Network, self.view.subnets.vpc.cidrs))
        if not self._lets_out(lambda network: any(map(network.overlaps, in_vpc)), endpoint.groups):
            return self._no_egress(name)
        if denied := self._denied_by(endpoint):
            return denied
        dns = ", if the task's DNS servers forward its name to the VPC resolver" if self.view.own_dns else ""
        return replace(self._path(Status.PASS, f"through {name}{dns}"), hops=endpoint.subnets)

    def _blocked_by_groups_of(self, endpoint: VpcEndpoint) -> ServicePath | None:
        """A path that the endpoint's groups block; None if they do not, or if that is not known."""
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
        command = authorize("ingress", endpoint.groups[0], f"--protocol tcp --port 443 {source}", self.view.place)
        fix = Fix(f"In {names} of {endpoint.id}, allow inbound TCP 443 from the task.", (command,))
        fault, group = self._fault(Layer.ENDPOINT, names, fix), f"{names} of the endpoint {endpoint.id}"
        if sum(missing.count for missing in admission.missing) < packets.count:
            return self._path(Status.WARN, f"{group} allows TCP 443 from only a part of {cidr}", fault)
        return self._path(Status.FAIL, f"{group} does not allow TCP 443 from {cidr}", fault)

    def _by_gateway(self, endpoint: VpcEndpoint) -> ServicePath:
        name = f"the gateway endpoint {endpoint.id}"
        if not endpoint.available:
            out = self._by_exit(())
            return replace(out, text=f"{name} is {endpoint.state}; {out.text}")
        if not self._lets_out(is_public):
            return self._no_egress("S3's public addresses, which the gateway endpoint serves")
        return self._denied_by(endpoint) or self._path(Status.PASS, f"through {name}")

    def _denied_by(self, endpoint: VpcEndpoint) -> ServicePath | None:
        vpc, place = self.view.subnets.vpc.id, self.view.place
        found = denial(endpoint, self.flow.destination, self.access, vpc, place)
        if found is None:
            return None
        fix = f"Allow {found.request} in the policy of {endpoint.id}"
        if found.request.presigned:
            fix = (
                f"In the policy of {endpoint.id}, allow {found.request.action} on "
                f'{found.request.resource.rpartition("/")[0]}/* for the principal "*", without conditions on the '
                "account or the organization"
            )
        return self._failed(
            found.text,
            Layer.POLICY,
            endpoint.id,
            f"{fix}: save the policy, edit it, and put it back.",
            f"{self._describe(endpoint)} --query 'VpcEndpoints[0].PolicyDocument' --output text > policy.json",
            '"${EDITOR:-vi}" policy.json',
            f"{self._modify(endpoint)} --policy-document file://policy.json",
        )

    def _describe(self, endpoint: VpcEndpoint) -> str:
        region = self.view.place.region_option
        return f"aws ec2 describe-vpc-endpoints{region} --vpc-endpoint-ids {posix(endpoint.id)}"

    def _modify(self, endpoint: VpcEndpoint) -> str:
        return f"aws ec2 modify-vpc-endpoint{self.view.place.region_option} --vpc-endpoint-id {posix(endpoint.id)}"

    # Through a route out of the VPC ------------------------------------------------------------------

    def _by_exit(self, unused: tuple[VpcEndpoint, ...]) -> ServicePath:
        """``unused``: endpoints that the subnet cannot use."""
        out = self.view.exits.value.of(self.subnet.id) if self.view.exits.value else None
        if out is None:
            return self._path(Status.SKIPPED, "the subnet's route out of the VPC is not known")
        vpc, shared = self.view.subnets.vpc, self.view.subnets.shared
        if out.state is ExitState.CLOSED:
            if shared:
                text = f"{out.text}; not visible whether account {vpc.owner}, which owns the VPC, has endpoints"
                return self._path(Status.SKIPPED, text)
            if self.flow.destination == PUBLIC_REGISTRY:
                return self._closed_registry(out)
            why, faults = self._why_unused(unused[0]) if unused else (f"{vpc.id} has no matching endpoint", ())
            text = f"{why}, and {out.text}"
            if out.elsewhere:
                others = ", ".join(out.elsewhere[:3])
                text += f"; it works only if an endpoint in another network, or a proxy, is reachable through {others}"
            status = Status.WARN if out.elsewhere else Status.FAIL
            path = self._path(status, text, *faults, self._fault(Layer.ROUTE, "", out.fix))
            fix = faults[0].fix if faults else None
            return replace(path, endpoint=self._new_endpoint(), endpoint_fix=fix)
        anywhere = out.state is ExitState.ELSEWHERE or shared  # the owner's endpoints are not visible
        if not self._lets_out((lambda _: True) if anywhere else is_public):
            return self._no_egress("addresses outside the VPC")
        hops = (out.gateway_subnet,) if out.gateway_subnet else ()
        return replace(self._path(Status.PASS, out.text), hops=hops, onward=bool(hops))

    def _new_endpoint(self) -> NewEndpoint:
        """The endpoint that the VPC lacks: a gateway for S3, otherwise an interface in one subnet of each zone."""
        name, view = endpoint_name(self.flow.destination, self.view.place), self.view
        create = f"aws ec2 create-vpc-endpoint{view.place.region_option} --vpc-id {posix(view.subnets.vpc.id)}"
        if endpoint_service(self.flow.destination) == "s3":
            tables = " ".join(dict.fromkeys(posix(table.id) for _, table in view.routes.by_subnet))
            return NewEndpoint(
                name, f"{create} --vpc-endpoint-type Gateway --service-name {posix(name)} --route-table-ids {tables}"
            )
        by_zone = {subnet.zone: posix(subnet.id) for subnet in reversed(view.subnets.subnets)}
        group = posix("<security group that allows inbound TCP 443 from the task>")
        return NewEndpoint(
            name,
            f"{create} --vpc-endpoint-type Interface --service-name {posix(name)} "
            f"--subnet-ids {' '.join(sorted(by_zone.values()))} --security-group-ids {group} --private-dns-enabled",
        )

    def _closed_registry(self, out: Exit) -> ServicePath:
        copy = Fix("Copy the image to a private ECR repository, and set it in the task definition.")
        fix = alternatives(out.fix, copy) if out.fix else copy
        text, status = f"no VPC endpoint serves that, and {out.text}", Status.FAIL
        if out.elsewhere:
            text += f"; it works only if they are reachable through {', '.join(out.elsewhere[:3])}"
            status = Status.WARN
        return self._path(status, text, self._fault(Layer.ROUTE, "", fix))

    def at_addresses(self, addresses: Sequence[str], text: str) -> ServicePath:
        """The path to known addresses of endpoints in another network; without addresses only the filters count."""
        table = self.view.routes.of(self.subnet.id)
        routes = [route_for(table, address) if table else None for address in addresses]
        if table and addresses and not any(route and not route.blackhole for route in routes):
            fix = f"Add a route to {', '.join(addresses)} to {table.id}."
            return self._failed(f"{text}, to which {table.id} has no route", Layer.ROUTE, "", fix)
        wanted = tuple(map(IPv4Address, addresses))
        if not self._lets_out(lambda network: not wanted or any(address in network for address in wanted)):
            return self._no_egress(f"{', '.join(addresses) or 'addresses outside the VPC'}")
        return self._path(Status.PASS, text)

    def _why_unused(self, endpoint: VpcEndpoint) -> tuple[str, tuple[Fault, ...]]:
        region, vpc, off = self.view.place.region_option, self.view.subnets.vpc.id, self._names_off
        if endpoint.kind == GATEWAY:
            table = self.view.routes.of(self.subnet.id)
            name = table.id if table else "<route table>"
            command = f"{self._modify(endpoint)} --add-route-table-ids {posix(name)}"
            fix = Fix(f"Add {name} to the route tables of the gateway endpoint {endpoint.id}.", (command,))
            text = f"the gateway endpoint {endpoint.id} is not associated with {name}"
            return text, (self._fault(Layer.ENDPOINT, f"{endpoint.id} on {name}", fix),)
        if endpoint.private_dns and off:
            commands = tuple(
                f"aws ec2 modify-vpc-attribute{region} --vpc-id {posix(vpc)} "
                f"--{'enable-dns-support' if name == 'enableDnsSupport' else 'enable-dns-hostnames'} Value=true"
                for name in off
            )
            names = " and ".join(off)
            fix = Fix(f"Turn on {names} of {vpc}. The private DNS of endpoints requires {_BOTH}.", commands)
            text = f"{names} of {vpc} is off, so tasks do not use its VPC endpoints"
            return text, (self._fault(Layer.DNS, names, fix),)
        fix = Fix(f"Turn on the private DNS of {endpoint.id}.", (f"{self._modify(endpoint)} --private-dns-enabled",))
        text = f"the endpoint {endpoint.id} has no private DNS, so the service's host name does not resolve to it"
        return text, (self._fault(Layer.ENDPOINT, f"private DNS of {endpoint.id}", fix),)

    def _lets_out(self, wanted: Callable[[IPv4Network], bool], peers: tuple[str, ...] = ()) -> bool:
        """Whether the task's groups allow TCP 443 to a wanted network.

        They count as open if they are not known, or allow IPv6, which is not checked.
        """
        groups, packets = self.view.groups.value, self.flow.requests
        if not groups or not groups.task:
            return True
        rules = [rule for group in groups.task for rule in group.egress if rule.covers(packets)]
        if self.subnet.ipv6 and by_ipv6(rules, packets):
            return True
        lists = dict(groups.prefix_lists)
        networks = [network for rule in rules for network in rule.networks]
        networks += [network for rule in rules for id in rule.prefix_lists for network in lists.get(id, ())]
        return any(set(rule.groups) & set(peers) for rule in rules) or any(map(wanted, networks))

    def _no_egress(self, destination: str) -> ServicePath:
        groups = self.access.groups
        names = ", ".join(groups)
        command = authorize("egress", groups[0], HTTPS_TO_ANYWHERE, self.view.place)
        text = f"no outbound rule of {names} allows TCP 443 to {destination}"
        return self._failed(text, Layer.GROUP, groups[0], f"In {names}, allow outbound TCP 443.", command)

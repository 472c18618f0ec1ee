"""A cloud of two networks that works or does not, for tests of how it is applied."""

from typing import Any

from network_lab import Lab, external, gateway, group, items, network, port, router, rule

A, C = "10.10.0.11", "10.20.0.11"


class Cloud:
    """Two networks, a router with a way out, a floating IP, guests `a` and `c`."""

    def __init__(self, lab: Lab) -> None:
        self.group = group(rule(protocol="tcp"), rule(protocol="icmp"))
        self.nets = [network(), network("10.20.0.0/24"), external()]
        self.ports = [port(net, address, groups=[self.group["id"]]) for net, address in zip(self.nets, (A, C), strict=False)]
        self.router = router(
            (self.nets[0], "10.10.0.1/24"), (self.nets[1], "10.20.0.1/24"), gateway=gateway(self.nets[2], "172.24.4.10/24")
        )
        self.router["floating_ips"] = [{"id": "f1000000-0000-4000-8000-000000000000", "floating_ip": "172.24.4.50", "fixed_ip": A}]
        self.a, self.c = (lab.guest(made) for made in self.ports)
        self.a.address(A + "/24", "10.10.0.1")
        self.c.address(C + "/24", "10.20.0.1")
        members = [{"id": self.group["id"], "addresses": [A, C]}]
        self.items: dict[str, Any] = items(network=self.nets, port=self.ports, group=[self.group], members=members, router=[self.router])
        self.items |= {
            f"metadata/{made['server_id']}": {"meta_data": {}, "network_data": {}, "ec2": {"hostname": "x"}} for made in self.ports
        }

    def works(self, lab: Lab) -> bool:
        return (
            self.a.pings(C)
            and lab.machine().pings("172.24.4.50")
            and self.a.dhcp()["ip"] == A
            and self.c.http("/latest/meta-data/hostname")[1] == b"x"
        )

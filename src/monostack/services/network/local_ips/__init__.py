"""Local IPs: addresses by which servers call a neighbour on their own host, each host another. Source: Neutron's extension local_ip."""

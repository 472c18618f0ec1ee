"""Packet logs: which packets security groups let pass or drop is written down on the hosts. Source: Neutron's extension logging."""

"""Port forwarding: single ports of a floating IP that lead to ports of servers. Source: Neutron's extension floating-ip-port-forwarding."""

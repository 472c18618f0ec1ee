"""What the hosts' networks should be: computed from the database, sent to the agents, seen through until it is so.

items      rows -> items of protocol.network; those of ports: port_items
plan       which host needs which items, kept in memory for the connected hosts
sync       the tasks that keep hosts and plan together
statuses   what hosts applied -> statuses of ports, networks, routers and floating IPs
hosting    which host runs a network's DHCP, or a router
"""

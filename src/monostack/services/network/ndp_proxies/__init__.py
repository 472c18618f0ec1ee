"""NDP proxies: IPv6 addresses behind a router that it answers for on the external network. Source: Neutron's extension l3-ndp-proxy."""

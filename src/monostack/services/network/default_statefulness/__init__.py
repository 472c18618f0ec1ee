"""Whether new security groups are stateful, where nothing is said. Source: Neutron's extension security-groups-default-statefulness.

Neutron 29 calls one and many of these settings by the same name and so answers 500 to who writes one. Here one is called as openstackclient
and the SDK call it, to whom it works.
"""

"""Metering: counting what routers carry to and from the outside, by labels. Source: Neutron's extension metering."""

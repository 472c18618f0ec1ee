"""Subnet pools: prefixes that subnets are cut from. Source: Neutron's extensions subnet_allocation and subnetpool-prefix-ops."""

"""Flavors: kinds of service a router can be, and the profiles that say which driver makes them. Source: Neutron's extension flavors."""

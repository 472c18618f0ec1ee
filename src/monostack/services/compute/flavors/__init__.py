"""Flavors: the sizes of servers, who may use them, and what more they ask of a host."""

from monostack.services.compute.flavors.api import FLAVORS, Flavor, find, flavor_not_found, snapshot

__all__ = ["FLAVORS", "Flavor", "find", "flavor_not_found", "snapshot"]

"""Segments: the wires a network is on. Source: Neutron's extensions segment, multi-provider and l2_adjacency."""

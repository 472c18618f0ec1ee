"""Trunks: one port of a guest that carries the frames of other ports, told apart by tags. Source: Neutron's extension trunk."""

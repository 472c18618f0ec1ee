"""Agents: what each host does for the network, as operators list it."""

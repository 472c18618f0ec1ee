"""Auto-allocated topologies: a network with a way out, made for a project that asks for one. Source: extension auto-allocated-topology."""

"""The network as servers use it: their ports, what a boot may ask for, what compute lists. Reached through the facade."""

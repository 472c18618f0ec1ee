"""QoS specs: how fast the volumes of a type may be read and written."""

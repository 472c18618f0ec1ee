"""Which providers could give what is asked for."""

"""What happens to volumes over time, one verb a file.

Each ends by writing the status that is left; one that was cancelled writes none, since a deletion has taken over.
"""

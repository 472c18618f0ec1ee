"""Tokens: made of a signed and encrypted payload, kept nowhere; what they stand for is looked up when they are used."""

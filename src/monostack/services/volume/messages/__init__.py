"""User messages: why something that was accepted failed afterwards, told to the project it belongs to."""

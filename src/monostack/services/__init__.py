"""The OpenStack services. Each is a package whose `SERVICE` says what it serves; another service may import only its `facade`."""

"""OS-ENDPOINT-POLICY: which policy document an endpoint goes by. Kept and shown for services that ask, as the documents are."""

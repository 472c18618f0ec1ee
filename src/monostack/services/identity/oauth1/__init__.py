"""OAuth 1.0a (OS-OAUTH1): a consumer, which is a program, is allowed by a user to act with some of its roles in a project.

The consumer asks for a request token, the user authorizes it and hands the verifier over, and the consumer exchanges both for an access
token, with which it logs in. It signs each of these calls, so no secret travels but with the answers. Secrets are sealed in the database.
"""

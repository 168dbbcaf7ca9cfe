"""Signing in with the company's identity provider: OpenID Connect, authorization code with PKCE."""

"""Finds personal data and secrets in what is about to leave the box, and takes them out.

By patterns, check digits and the words around them, in Spanish and English. Names of people, street addresses and what
somebody tells about somebody are out of its reach: it may hold a request back, and never lets one go.
"""

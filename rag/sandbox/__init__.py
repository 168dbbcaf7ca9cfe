"""Reads documents in children that can be killed, cannot reach the network and may break without harm.

    worker ── control socket ──► forkserver ── fork ──► one child a document
       ▲                       (parsers preloaded)        (confined, then parses)
       └───────────────── result pipe ◄─────────────────────┘

A fresh Python child would spend most of a second importing the parsers; a fork of one that has them takes milliseconds.

Callers use `rag.sandbox.client.ParsingSandbox`; it is not imported here, so that the children go without pydantic.
"""

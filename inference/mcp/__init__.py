"""MCP servers of others, spoken to as strangers: they get the arguments of a call, and nothing else.

Every byte passes `inference/egress`; what comes back is bounded in size, time and number, and only text is kept. What
a server asks of us (sampling, elicitation, roots) is refused. Knows nothing of people or consent.
"""

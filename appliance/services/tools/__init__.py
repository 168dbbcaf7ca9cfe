"""Tools: our own and those of MCP servers, who may have which called for them, and what was called."""

"""MCP as its clients speak it, over whatever tools are handed in. Knows neither keys nor documents."""

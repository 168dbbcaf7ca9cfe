"""How an engine is started for a plan: exact command lines, compose services and settings. Pure; starts nothing."""

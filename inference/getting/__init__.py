"""Getting models: from a hub, from a folder, through Ollama; checked, resumed, and never half there."""

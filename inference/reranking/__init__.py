"""Cross-encoders: how well a text answers a question, read together."""

"""Documents become cited passages here.

Asks `inference` through its ports only, and is told which collections the asker may see.
"""

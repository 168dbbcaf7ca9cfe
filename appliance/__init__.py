"""The people's side of the box: who may, whose turn it is, what was said, what is kept – and the doors."""

__version__ = "0.1.0"

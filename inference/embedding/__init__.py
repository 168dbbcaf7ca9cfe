"""Texts become unit vectors here: the model's build, the process that runs it, and the client others call."""

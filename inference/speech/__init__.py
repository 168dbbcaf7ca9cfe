"""Recordings become text here: the decoder in a confined child, the cutting at silences, the model's process and the
client others call."""

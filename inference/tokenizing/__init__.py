"""How long a prompt is before it is sent, and which turns of it may go: nothing is ever cut without a word."""

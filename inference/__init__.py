"""Words, sound and pixels become tokens, vectors and transcripts here.

Knows no users, documents or routes; whoever calls has already decided who may ask.
"""

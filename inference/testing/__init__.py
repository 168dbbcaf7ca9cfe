"""Stand-ins for language-model servers, public: for our tests and for everybody who writes a client.

They speak the wire formats faithfully and invent the words. What passes here says nothing about a model's quality.
"""

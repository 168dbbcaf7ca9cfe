"""What is known of cloud providers: addresses, parameters, prices, limits. Values and rules; nothing here goes out.

The engine that speaks to them is `inference.engines.cloud`.
"""

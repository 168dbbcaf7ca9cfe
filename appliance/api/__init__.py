"""The HTTP doors. They translate between the wire and the use cases, and decide nothing."""

"""The whole appliance, from outside."""

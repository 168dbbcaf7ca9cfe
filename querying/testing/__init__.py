"""What tests of anything that asks databases begin with: a shop, and a way to see that nothing in it changed."""

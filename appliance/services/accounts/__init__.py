"""People, their groups, and every way of proving who somebody is."""

"""Which ways there are to answer a request, in which order, and for whom: the ladder of degradation."""

"""What models are: their shapes, out of their own files, and the cards of those that many people use."""

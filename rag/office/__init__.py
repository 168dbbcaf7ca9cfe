"""What Office files are made of: containers, cells, number formats. For whoever reads text and whoever reads tables."""

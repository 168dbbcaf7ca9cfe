"""What a GPU gives, with models made on the spot: the parts of scripts/gpu_check.py."""

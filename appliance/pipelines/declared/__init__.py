"""Ways to answer that are declared in a file: read with line numbers, held against what there is, run step by step."""

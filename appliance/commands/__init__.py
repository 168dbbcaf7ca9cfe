"""The command line, one module per group of commands; each only translates words into calls."""

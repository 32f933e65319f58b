"""From plain results to what a person or a script reads: terminal, plain text, JSON, CSV, NumPy files."""

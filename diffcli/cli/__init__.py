"""The command line: one thin module a command, each reads, binds, computes through the public API and reports."""

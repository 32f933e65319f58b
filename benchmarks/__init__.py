"""Side by side with its peers: `python -m benchmarks` runs all, `python -m benchmarks NAME` one of them.

Every module here but the harness is one benchmark: it has a `TITLE` and `run(smoke)`, which returns tables. A
peer that is not installed is left out and the table says so; `--smoke` runs everything small, without peers.
"""

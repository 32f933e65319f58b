"""More points than one machine has time for: the gradient of a formula for every row of a data frame, with Dask.

    pip install "dask[dataframe,distributed]"
    python samples/cluster.py points.csv gradients.csv
    python samples/cluster.py points.csv gradients.csv 16MB     # so much of the file is a partition; else 64MB

points.csv has a column for each input of `FORMULA`, here spot, rate, volatility and time, and any others besides.
`sensitivities` is all there is to it: a function from a data frame to a data frame that knows nothing of Dask, so it
can be tried on one frame first. Dask calls it on every partition, in processes on this machine or on many; the formula
travels as text, and each process parses it once. A row gives the same bits wherever it is computed.
"""

import sys
from functools import cache

import diffcli

FORMULA = "spot*exp(-rate*time)/(1 + exp(-volatility*time))"


@cache
def parsed(formula: str) -> diffcli.Program:
    """The formula, once a process."""
    return diffcli.parse(formula)


def sensitivities(frame, formula: str = FORMULA):
    """`frame` with the columns `f` and `d_…` more, one for each input of `formula`."""
    program = parsed(formula)
    points = {name: frame[name].to_numpy(dtype=float) for name in program.inputs}
    # One thread: Dask already has a process for every core.
    value, gradient = program.batch(points, jobs=1).value_and_grad()
    return frame.assign(f=value, **{f"d_{name}": part for name, part in gradient.items()})


def main(source: str, target: str, partition: str = "64MB") -> None:
    """Read, compute and write in pieces, on a cluster of processes on this machine."""
    import dask.dataframe
    from dask.distributed import Client

    with Client(processes=True):  # or the address of a cluster: Client("scheduler:8786")
        frame = dask.dataframe.read_csv(source, blocksize=partition)
        meta = sensitivities(frame._meta_nonempty).iloc[:0]
        frame.map_partitions(sensitivities, meta=meta).to_csv(target, single_file=True, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])

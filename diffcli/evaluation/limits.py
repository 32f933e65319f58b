"""Sizes that decide how a batch is cut, and what is worth a buffer. They change no bit of any result."""

from __future__ import annotations

#: How many bytes the buffers of one bench fill: a core's share of the last cache. (Blocks that fit the cache
#: before it are no faster on one thread, and on two they lose by handing the interpreter to each other.)
BENCH_BYTES = 1 << 22
MAX_BLOCK = 1 << 16
#: Benches up to this size are kept for the next run.
KEPT_BYTES = 1 << 26
#: So many numbers fill a line of the cache.
ALIGNED = 8
#: A thread is worth its start if a step of its blocks computes so many numbers.
NUMBERS_PER_CALL = 1 << 14
#: Values at least this large are worth a buffer even for a single point.
LARGE = 1 << 14
#: A part of the rows of some steps is worth handing to a thread if so many numbers are computed in it.
WORTH_A_PART = 1 << 16
#: Rows of fewer numbers take NumPy longer than they need.
ROW = 256
#: Values no larger than this are not worth forgetting before the run is over.
SMALL = 16

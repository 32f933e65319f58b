"""From a graph to numbers: NumPy, one step a node, in the graph's own order.

The batch is the last axis: a scalar is an array ``(B,)``, a vector ``(n, B)``, and what does not depend on the
batch has B = 1. A point alone and the same point in any batch give the same bits, because every operation
works element by element or sums in an order that the shape alone decides; so blocks and threads may cut a
batch anywhere.

One point runs through the steps as they are. A batch runs in blocks: what is the same for all points is computed
once, the rest in a *bench*, a set of buffers that fit a block, where every step is already tied to the buffers it
reads and writes. Each thread has a bench of its own; NumPy lets go of the interpreter while it computes.
"""

from diffcli.evaluation.plan import Plan, lift
from diffcli.evaluation.threads import cores, in_threads

__all__ = ["Plan", "cores", "in_threads", "lift"]

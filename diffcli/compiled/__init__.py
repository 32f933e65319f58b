"""A graph as machine code, by LLVM (the extra ``jit``): one loop over the points that computes everything.

NumPy writes every intermediate value to memory and reads it back, if only to the processor's cache. Here eight points
at a time go through the whole graph in the processor's registers. `vectors.py` writes down what happens to them, and
takes part in NumPy's protocol: the very functions of the table of primitives, called with vectors in place of arrays,
write their own code. `elementary.py` has exp, log, sine and their like; `kernel.py` makes one function of a graph, and
`machine.py` runs it. None of it is imported unless it is asked for.
"""

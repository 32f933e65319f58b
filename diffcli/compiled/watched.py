"""The extremes of what a kernel reads and writes, found while the numbers are still in the nearest cache.

Eight of each extreme stand side by side. Doubles without their sign have the order of their bits, in which infinity
comes after all numbers, NaN after infinity, and 0 less 1 last of all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffcli.compiled.vectors import BITS, FLAGS, LANES, NUMBERS
from diffcli.evaluation.extremes import Extremes, Seen, places
from diffcli.graph import Array

#: How many points are computed before their columns are looked at.
POINTS = 1 << 10
#: Of a column that is read: its smallest and its largest number, its smallest magnitude but for zeros (less 1), and its
#: largest. Of one that is written: its smallest magnitude, and its largest.
_READ = (("low", "olt"), ("high", "ogt"), ("less", "umin"), ("size", "umax"))
_WRITTEN = (("size", "umin"), ("size", "umax"))
_FIRST = {"olt": np.inf, "ogt": -np.inf, "umin": np.uint64((1 << 64) - 1).view(np.float64), "umax": 0.0}
_BYTES = 8 * LANES


def begun(stretches: int, read: int, written: int) -> Array:
    """The extremes of so many columns before anything was seen: (stretches, extremes, LANES), as doubles."""
    first = [_FIRST[how] for _, how in (*_READ * read, *_WRITTEN * written)]
    return np.tile(np.array(first)[:, np.newaxis], (stretches, 1, LANES))


def record(extremes: Extremes, size: int, found: Array, sources: Sequence[Array], results: Sequence[Array]) -> None:
    """What was `found` of columns in stretches of `size` points."""
    read = [place for source in sources for place in places(source)]
    written = [place for result in results for place in places(result)]
    ins, outs = np.split(found, [len(_READ) * len(read)], axis=1)
    low, high, less, largest = (ins[:, k :: len(_READ)] for k in range(len(_READ)))
    least = (less.view(np.uint64).min(axis=-1) + np.uint64(1)).view(np.float64)
    seen = {}
    for k, place in enumerate(read):
        seen[place] = Seen(least[:, k], _largest(largest)[:, k], low[:, k].min(axis=-1), high[:, k].max(axis=-1))
    smallest, largest = (outs[:, k :: len(_WRITTEN)] for k in range(len(_WRITTEN)))
    least = smallest.view(np.uint64).min(axis=-1).view(np.float64)
    for k, place in enumerate(written):
        seen[place] = Seen(least[:, k], _largest(largest)[:, k])
    extremes.add(size, [*sources, *results], seen)


def _largest(bits: Array) -> Array:
    largest: Array = bits.view(np.uint64).max(axis=-1).view(np.float64)
    return largest


def _column(name: str, extremes: Sequence[tuple[str, str]], *, apart: bool) -> str:
    """A function that looks at a column from `first` to `last`, of which there are at least eight points: at the last
    eight, and then at all others, where it does not matter that some are looked at twice.
    """
    kinds = [NUMBERS if how in ("olt", "ogt") else BITS for _, how in extremes]
    before, phis, ends, after = [], [], [], []
    for k, kind in enumerate(kinds):
        before += [f"  %p{k} = getelementptr {kind}, ptr %seen, i64 {k}", f"  %f{k} = load {kind}, ptr %p{k}, align 8"]
        phis.append(f"  %i.e{k} = phi {kind} [%end.n{k}, %start], [%i.n{k}, %loop]")
        ends.append(f"  %e{k} = phi {kind} [%end.n{k}, %start], [%i.n{k}, %loop]")
        after.append(f"  store {kind} %e{k}, ptr %p{k}, align 8")
    known = [f"%f{k}" for k in range(len(kinds))]
    inside = [f"%i.e{k}" for k in range(len(kinds))]
    return f"""\
define internal void @{name}(ptr %column, i64 %step, i64 %first, i64 %last, ptr noalias %seen) nounwind {{
start:
{_lines(before)}
  %end = sub i64 %last, {LANES}
{_lines(_eight("%end", extremes, known, apart))}
  %few = icmp sge i64 %first, %end
  br i1 %few, label %finish, label %loop
loop:
  %i = phi i64 [%first, %start], [%next, %loop]
{_lines(phis)}
{_lines(_eight("%i", extremes, inside, apart))}
  %next = add i64 %i, {LANES}
  %done = icmp sge i64 %next, %end
  br i1 %done, label %finish, label %loop
finish:
{_lines(ends)}
{_lines(after)}
  ret void
}}
"""


def _eight(i: str, extremes: Sequence[tuple[str, str]], known: Sequence[str], apart: bool) -> list[str]:
    """What is `known` and eight points from `i` on."""
    lines = [f"  {i}.at = getelementptr double, ptr %column, i64 {i}", f"  {i}.x = load {NUMBERS}, ptr {i}.at, align 8"]
    if apart:
        lines, made = [], "poison"
        for lane in range(LANES):
            lines += [
                f"  {i}.i{lane} = add i64 {i}, {lane}",
                f"  {i}.o{lane} = mul i64 {i}.i{lane}, %step",
                f"  {i}.a{lane} = getelementptr i8, ptr %column, i64 {i}.o{lane}",
                f"  {i}.d{lane} = load double, ptr {i}.a{lane}, align 8",
                f"  {i}.x{lane} = insertelement {NUMBERS} {made}, double {i}.d{lane}, i32 {lane}",
            ]
            made = f"{i}.x{lane}"
        lines.append(f"  {i}.x = bitcast {NUMBERS} {made} to {NUMBERS}")
    lines += [
        f"  {i}.bits = bitcast {NUMBERS} {i}.x to {BITS}",
        f"  {i}.size = and {BITS} {i}.bits, splat (i64 {(1 << 63) - 1})",
        f"  {i}.less = add {BITS} {i}.size, splat (i64 -1)",
    ]
    for k, ((what, how), before) in enumerate(zip(extremes, known, strict=True)):
        if how in ("olt", "ogt"):
            lines.append(f"  {i}.c{k} = fcmp {how} {NUMBERS} {i}.x, {before}")
            lines.append(f"  {i}.n{k} = select {FLAGS} {i}.c{k}, {NUMBERS} {i}.x, {NUMBERS} {before}")
        else:
            given = f"{BITS} {i}.{what}, {BITS} {before}"
            lines.append(f"  {i}.n{k} = call {BITS} @llvm.{how}.v{LANES}i64({given})")
    return lines


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(lines)


#: What calls the kernel, a few points at a time, and looks at their columns.
TEXT = f"""\
{_column("read", _READ, apart=False)}
{_column("read_apart", _READ, apart=True)}
{_column("written", _WRITTEN, apart=False)}
define void @watching(
  i64 %first, i64 %last, ptr %in, ptr %steps, ptr %out, ptr %still, ptr %seen, i64 %ins, i64 %outs
) nounwind {{
start:
  %latest = sub i64 %last, {LANES}
  %in.bytes = mul i64 %ins, {len(_READ) * _BYTES}
  %seen.out = getelementptr i8, ptr %seen, i64 %in.bytes
  br label %points
points:
  %from = phi i64 [%first, %start], [%to, %through]
  %here = call i64 @llvm.smin.i64(i64 %from, i64 %latest)
  %beyond = add i64 %from, {POINTS}
  %to = call i64 @llvm.smin.i64(i64 %beyond, i64 %last)
  call void @kernel(i64 %here, i64 %to, ptr %in, ptr %steps, ptr %out, ptr %still)
  br label %reading
reading:
  %j = phi i64 [0, %points], [%j.next, %read.done]
  %j.more = icmp slt i64 %j, %ins
  br i1 %j.more, label %read.one, label %writing
read.one:
  %in.at = getelementptr ptr, ptr %in, i64 %j
  %in.column = load ptr, ptr %in.at
  %step.at = getelementptr i64, ptr %steps, i64 %j
  %step = load i64, ptr %step.at
  %in.offset = mul i64 %j, {len(_READ) * _BYTES}
  %in.seen = getelementptr i8, ptr %seen, i64 %in.offset
  %close = icmp eq i64 %step, 8
  br i1 %close, label %read.close, label %read.apart
read.close:
  call void @read(ptr %in.column, i64 8, i64 %here, i64 %to, ptr %in.seen)
  br label %read.done
read.apart:
  call void @read_apart(ptr %in.column, i64 %step, i64 %here, i64 %to, ptr %in.seen)
  br label %read.done
read.done:
  %j.next = add i64 %j, 1
  br label %reading
writing:
  %k = phi i64 [0, %reading], [%k.next, %write.one]
  %k.more = icmp slt i64 %k, %outs
  br i1 %k.more, label %write.one, label %through
write.one:
  %out.at = getelementptr ptr, ptr %out, i64 %k
  %out.column = load ptr, ptr %out.at
  %out.offset = mul i64 %k, {len(_WRITTEN) * _BYTES}
  %out.seen = getelementptr i8, ptr %seen.out, i64 %out.offset
  call void @written(ptr %out.column, i64 8, i64 %here, i64 %to, ptr %out.seen)
  %k.next = add i64 %k, 1
  br label %writing
through:
  %done = icmp sge i64 %to, %last
  br i1 %done, label %finish, label %points
finish:
  ret void
}}
"""

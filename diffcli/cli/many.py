"""What the commands share that answer for many points: the options (`Many`), and the way from a table to a table."""

import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing, suppress
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from diffcli.cli.options import Ask, Show, point
from diffcli.cli.progress import Progress
from diffcli.errors import DiffcliError, Source, StrictError, UsageError
from diffcli.report.render import guess
from diffcli.report.text import escape
from diffcli.report.write import STANDARD_OUTPUT, say

if TYPE_CHECKING:
    import diffcli
    from diffcli.batching.columns import Layout
    from diffcli.batching.readers import Table
    from diffcli.batching.tables import Count, Question

FAILED_ROWS = 6

_RANGE = re.compile(r"([^:\[\]@]+):([^:\[\]]+):([^:\[\]]+)").fullmatch


class Many(NamedTuple):
    """A table of points in place of one."""

    points: Annotated[
        str | None,
        typer.Option("--points", metavar="FILE", help="Many points: CSV, TSV, JSONL, npy, npz, Parquet; - streams."),
    ] = None
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="NAMES", help="With --points x.npy: what its columns are, x,y.")
    ] = None
    keep: Annotated[
        str | None, typer.Option("--keep", metavar="NAMES", help="With --points: columns to carry along, id,date.")
    ] = None
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", min=1, help="With --points: so many threads; else all cores.")
    ] = None
    jit: Annotated[
        bool, typer.Option("--jit", help="With --points: compile the formula; the last digits may differ.")
    ] = False
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="With --points: stop at the first bad row.")] = False

    def wanted(self, ask: Ask, show: Show, *, seed: Sequence[str] | None = None, **alone: object) -> bool:
        """Whether there are many points: a table, or ranges in the point. `seed`: the words that give a tangent or a
        cotangent. `alone`: options that make no sense for many points.
        """
        if self.points == "-" and "-" in (ask.source, *ask.point_words(), *(seed or ())):
            raise UsageError("the points are not alone in asking for standard input", hint="give them a file")
        if self.points is not None or any(_ranges_in(word) for word in ask.point_words()):
            for option, given in alone.items():
                if given:
                    raise UsageError(f"--{option} is for one point", hint="leave out the table or the ranges")
            return True
        for option, given in (
            ("--columns", self.columns),
            ("--keep", self.keep),
            ("--jobs", self.jobs),
            ("--jit", self.jit),
            ("--fail-fast", self.fail_fast),
        ):
            if given:
                raise UsageError(f"{option} is for tables", hint="add --points FILE")
        show.form()  # refused before anything is computed
        return False

    def answer(
        self,
        ask: Ask,
        show: Show,
        what: str,
        *,
        wrt: Sequence[str] | None = None,
        seed: "Callable[[diffcli.Program], Mapping[str, Any]] | None" = None,
        mode: str = "auto",
    ) -> None:
        """Answer for every point; the rows that fail come out in their place, and make the exit code 6. `seed`: the
        tangent or cotangent of a formula, the same for all points.
        """
        from diffcli.batching.columns import Grid, Range
        from diffcli.batching.readers import open_table
        from diffcli.batching.tables import Question

        _format(show)  # refused before anything is read
        program = ask.parsed()
        question = Question(what, wrt, None if seed is None else seed(program), mode)
        words, ranges = parted(ask.point_words())
        at = point(words, names=program.inputs) or {}
        keep = _names(self.keep, "--keep")
        table: Table
        columns = None if self.columns is None else _names(self.columns, "--columns")
        if self.points is None:
            if columns:
                raise UsageError("--columns is for .npy files, and the ranges have names", hint="leave it out")
            table = Grid({name: Range(*each) for name, each in ranges.items()})
            _fitting(program, at, ranges)
            keep = [*ranges, *(name for name in keep if name not in ranges)]
        elif ranges:
            raise UsageError("a range and --points both say where the points are", hint="give one of them")
        else:
            stdin = None if sys.stdin is None else sys.stdin.buffer
            table = open_table(self.points, stdin, columns)
        try:
            with closing(table):
                count = self._run(program, table, question, at, show, keep)
        except MemoryError:
            hint = "fewer threads take less, with --jobs, and shorter rows"
            raise UsageError("there is not enough memory for this table", hint=hint, code="limit") from None
        if not show.quiet:
            say(_summary(count))
        if show.strict and count.not_finite:
            raise StrictError(f"{count.not_finite:,} rows have results that are not finite")
        if count.failed:
            raise typer.Exit(FAILED_ROWS)

    def _run(
        self,
        program: "diffcli.Program",
        table: "Table",
        question: "Question",
        at: Mapping[str, Any],
        show: Show,
        keep: Sequence[str],
    ) -> "Count":
        from diffcli.batching.columns import Layout
        from diffcli.batching.readers import forms
        from diffcli.batching.tables import Answering, run
        from diffcli.batching.writers import SEEKING, open_writer
        from diffcli.diagnosis.many import Watch
        from diffcli.report.stream import Sink

        form, path = _format(show), self.points or "the grid"
        if self.keep and form == "npy":
            raise UsageError("an .npy file holds the results alone", hint="keep columns in CSV, JSON, npz or Parquet")
        watch = Watch(program, question.what, wrt=question.wrt, v=question.seed)

        def warn(batch: "diffcli.Batch", failed: Collection[int]) -> dict[int, tuple[str, ...]]:
            found: dict[int, tuple[str, ...]] = batch.warned(watch, failed).by_row()
            return found

        def planned() -> tuple[list[str], Layout, Answering]:
            labels = [label for name in keep for label in _kept(name, table)]
            layout = _layout(program, table, path, at, labels)
            return labels, layout, Answering(program, question, layout, at, jobs=self.jobs, jit=self.jit, warn=warn)

        for _ in forms(table, program.inputs):
            with suppress(DiffcliError):
                keep, layout, answering = planned()
                break
        else:
            keep, layout, answering = planned()  # of no form; it says what is wrong with the last
        if answering.fallbacks and not show.quiet:
            say(f"not compiled, but computed by NumPy: {', '.join(answering.fallbacks)}\n")
        if form in ("csv", "tsv", "parquet"):
            _refuse_twins([*keep, *(column for field in answering.fields for column in field.columns), "error"])
        elif form == "npz":
            _refuse_twins([*keep, *(field.name for field in answering.fields), "error", "error_row"])
        with (
            Progress(quiet=show.quiet, printing=_printing(show)) as told,
            Sink(show.output, seekable=form in SEEKING) as sink,
        ):
            writer = open_writer(form, sink, answering.parts, keep)
            return run(
                table, answering, layout, writer, path=path, keep=keep, fail_fast=self.fail_fast, told=told
            )  # fmt: skip


def _fitting(program: "diffcli.Program", at: Mapping[str, Any], ranges: Mapping[str, object]) -> None:
    """Raises `UsageError` as at one point, if the ranges and the values in `at` leave an input out or name another."""
    for name in ranges:
        if name in at:
            raise UsageError(f"{name} is given twice", code="duplicate")
    program.resolve({**at, **dict.fromkeys(ranges, 1.0)})


def _layout(
    program: "diffcli.Program", table: "Table", path: str, at: Mapping[str, Any], keep: Sequence[str]
) -> "Layout":
    """Which columns are which inputs. Raises `UsageError` unless each input comes from one place."""
    from diffcli.batching.columns import Layout
    from diffcli.batching.readers import check
    from diffcli.batching.readers.complaints import listed, unwanted
    from diffcli.language.suggest import closest

    layout = Layout(program.names, table.names, table.shapes)
    if not layout.inputs:
        hint = unwanted(table.names, program.inputs)
        raise UsageError("no column is an input of the formula", hint=hint, code="points")
    check(table, path, layout.columns, keep)
    for name in at:
        if name in layout.inputs:
            raise UsageError(f"{name} is given both with the points and for all of them", code="points")
    missing = [name for name in program.inputs if name not in {*layout.inputs, *at, *program.defaults}]
    if missing:
        near = closest(missing[0], table.names)
        hint = f"did you mean {near}?" if near else f"they have {listed(table.names)}; or add --at {missing[0]}=…"
        raise UsageError(f"the points have no column {', '.join(missing)}", hint=hint, code="missing-variable")
    return layout


def _kept(name: str, table: "Table") -> list[str]:
    """What a name to keep stands for. Raises `UsageError` if the table has nothing of that name, or two columns."""
    from diffcli.batching.columns import elements
    from diffcli.batching.readers.complaints import listed
    from diffcli.language.suggest import closest

    found = elements(name, table.names, table.shapes)
    if not found:
        near = closest(name, table.names)
        hint = f"did you mean {near}?" if near else f"they have {listed(table.names)}"
        raise UsageError(f"the points have no column {name} to keep", hint=hint, code="points")
    times = Counter(table.names)
    for each in found:
        if times[each] > 1:
            raise UsageError(f"the points have two columns {each}", code="points")
    return found


def _printing(show: Show) -> bool:
    """Whether the answers go to standard output, whatever it is called."""
    return show.output is None or show.output in STANDARD_OUTPUT


def _format(show: Show) -> str:
    from diffcli.batching.writers import FORMATS, SEEKING

    if show.json and show.format not in (None, "json", "jsonl"):
        raise UsageError(f"--json and --format {show.format.value} are two formats", hint="give one of them")
    form = "jsonl" if show.json else show.format.value if show.format else guess(show.output)
    form = {"json": "jsonl", "table": "csv"}.get(form, form)
    if form not in FORMATS:
        hint = f"choose {', '.join(FORMATS)}" + ("" if show.format else "; --format csv goes with any name")
        raise UsageError(f"a table of answers is not written as {escape(form)}", hint=hint)
    if form in SEEKING and _printing(show) and sys.stdout is not None and sys.stdout.isatty():
        raise UsageError(f"a terminal cannot show {form}, which is binary", hint=f"write a file: -o result.{form}")
    return form


def _refuse_twins(columns: Sequence[str]) -> None:
    """Columns of one name: readers take one of them, or none."""
    seen: set[str] = set()
    for name in columns:
        if name in seen:
            hint = "name one of them otherwise, or ask for --json, where what is kept stands by itself"
            raise UsageError(f"the answer would have two columns {name}", hint=hint, code="points")
        seen.add(name)


def _names(text: str | None, option: str) -> list[str]:
    if text is None:
        return []
    names = [name.strip() for name in _split(text)]
    if "" in names or len(set(names)) < len(names):
        raise UsageError(f"{option} holds {'an empty name' if '' in names else 'a name twice'}")
    return names


def _split(text: str) -> list[str]:
    """The names between commas; inside brackets or quotes a comma is part of a name."""
    if '"' not in text:
        return re.split(r",(?![^\[]*\])", text)
    import csv

    return next(csv.reader([text.replace("\n", " ")], skipinitialspace=True))


def _ranges_in(word: str) -> bool:
    return ":" in word and not word.startswith("@") and bool(parted([word])[1])


def parted(words: Sequence[str]) -> tuple[list[str], dict[str, tuple[float, float, int]]]:
    """The words that give values, and the ranges ``x=0:1:11`` (both ends, so many points) by name."""
    from diffcli.language.points import split_assignments

    plain: list[str] = []
    ranges: dict[str, tuple[float, float, int]] = {}
    for word in words:
        if ":" not in word or word.startswith("@"):
            plain.append(word)
            continue
        rest = []
        for each in split_assignments(word):
            found = _RANGE(each.value)
            if not found and ":" in each.value and "[" not in each.value and not each.value.startswith("@"):
                said = f"{each.name} is no range: it has a first number, a last, and how many there are"
                raise UsageError(
                    said, each.value_span, "write x=0:1:11", source=Source(word, "--at"), code="point"
                )  # fmt: skip
            if not found:
                rest.append(f"{each.name}={each.value}")
                continue
            if each.name in ranges:
                raise UsageError(f"{each.name} is given twice", code="duplicate")
            ranges[each.name] = _range(each.name, found.groups(), Source(word, "--at"), each.value_span)
        if rest:
            plain.append(", ".join(rest))
    return plain, ranges


def _range(name: str, parts: Sequence[str], source: Source, span: tuple[int, int]) -> tuple[float, float, int]:
    first, last, count = ((point([f"{name}={part}"]) or {})[name] for part in parts)
    if any(getattr(value, "shape", ()) != () for value in (first, last, count)) or not float(count).is_integer():
        raise UsageError(
            f"{name} has no whole number of points", span, "write x=0:1:11 for 11 numbers from 0 to 1", source=source,
            code="point",
        )  # fmt: skip
    if not (isfinite(first) and isfinite(last)):
        raise UsageError(f"{name} has no end", span, "write x=0:1:11", source=source, code="point")
    if count < 1:
        raise UsageError(f"{name} has no points", span, "write x=0:1:11", source=source, code="point")
    return float(first), float(last), int(count)


def _summary(count: "Count") -> str:
    parts = [f"{count.rows:,} row{'s' * (count.rows != 1)}"]
    if count.failed:
        parts.append(f"{count.failed:,} failed")
    if count.not_finite:
        parts.append(f"{count.not_finite:,} with results that are not finite")
    if count.warned:
        codes = ", ".join(f"{code} {number:,}" for code, number in sorted(count.warned.items()))
        parts.append(f"warnings: {codes}")
    return f"{', '.join(parts)}, {count.seconds:.2f} s\n"

"""The kinds of primitives, and how each states its derivative once for both modes.

*Elementwise* entries give their partials, *linear* ones their transpose, *bilinear* ones two, *reductions* the
weights of their elements. What is none of these is composed of them, or states both modes itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from diffcli.graph import TABLE, Array, Builder, Node, Partial, Primitive, Shape, register
from diffcli.primitives.catalogue import add_function


def same_shape(*shapes: Any) -> Shape:
    """The shape of what keeps its first argument's shape, whatever its parameters."""
    return tuple(shapes[0])


def along_another(node: Node) -> bool:
    """Whether what works along the axis that its first parameter names leaves the rows alone."""
    return bool(node.params[0] != 0)


def times(bar: Node, partial: Partial) -> Node | None:
    """Bar · partial, without the products that are known beforehand."""
    if partial is None:
        return None
    if isinstance(partial, Node):
        if partial.op is TABLE["reciprocal"]:
            return bar / partial.args[0]  # one rounding instead of two
        return bar * partial
    if partial == 1.0:
        return bar
    if partial == -1.0:
        return -bar
    return bar * partial


def total(terms: Sequence[Node]) -> Node | None:
    """The sum of `terms`, by halves: log₂ n roundings deep instead of n, in a fixed order."""
    row = list(terms)
    while len(row) > 1:
        paired = [row[i] + row[i + 1] for i in range(0, len(row) - 1, 2)]
        if len(row) % 2:
            paired.append(row[-1])
        row = paired
    return row[0] if row else None


def only_where(condition: Node | None, node: Node) -> Node:
    """`node` where `condition` holds and an exact 0 elsewhere, whatever stands there (so not a product)."""
    return node if condition is None else TABLE["where"](condition, node, 0.0)


def _elementwise_pullback(node: Node, bar: Node, i: int) -> Node | None:
    rule = node.op.partials[i]
    return None if rule is None else times(bar, rule(node, *node.args))


def _elementwise_pushforward(node: Node, dots: Sequence[Node | None]) -> Node | None:
    terms = []
    for i, dot in enumerate(dots):
        rule = node.op.partials[i]
        if dot is None or rule is None:
            continue
        term = times(dot, rule(node, *node.args))
        if term is not None:
            looked_at = node.op.uses[i] if node.op.uses else None
            terms.append(only_where(looked_at(node) if looked_at else None, term))
    return total(terms)


def elementwise(
    name: str,
    apply: Callable[..., Array],
    *,
    partials: tuple[Callable[..., Partial] | None, ...] = (),
    arity: int | None = None,
    signature: str | None = None,
    family: str = "elementwise",
    aliases: tuple[str, ...] = (),
    doc: str = "",
    domain: str = "all reals",
    rule: str = "",
    kink: str | None = None,
    notation: str = "",
    **facts: Any,
) -> Primitive:
    """An operation that works element by element. `partials[i](y, x₁, …)` is ∂y/∂xᵢ; `None` where it is zero.

    VJP, JVP and shape follow. `arity` is needed only where no partials are given: the function is then locally
    constant. With a `signature` people can call it by its name, and `diffcli functions` explains it.
    """
    rules = partials or (None,) * (arity or 1)
    facts.setdefault("keeps_rows", lambda node: True)
    primitive = register(
        Primitive(
            name=name,
            kind="elementwise",
            apply=apply,
            shape=same_shape,
            partials=rules,
            pullback=_elementwise_pullback,
            pushforward=_elementwise_pushforward,
            doc=doc,
            **facts,
        )
    )
    if signature is not None:

        def build(builder: Builder, *args: Node) -> Node:
            return primitive(*args)

        add_function(
            name,
            signature,
            build,
            family=family,
            doc=doc,
            domain=domain,
            rule=rule,
            kink=kink,
            notation=notation,
            aliases=aliases,
        )
    return primitive


def linear(
    name: str,
    apply: Callable[..., Array],
    shape: Callable[..., Shape],
    transpose: Callable[[Node, Node, int], Node | None],
    *,
    data: tuple[int, ...] = (),
    **facts: Any,
) -> Primitive:
    """An operation that is linear in all its arguments but those at the positions `data`, which are never
    differentiated. `transpose(node, bar, i)` is the cotangent of argument i.
    """

    def pullback(node: Node, bar: Node, i: int) -> Node | None:
        return None if i in data else transpose(node, bar, i)

    def pushforward(node: Node, dots: Sequence[Node | None]) -> Node | None:
        if all(dot is None or i in data for i, dot in enumerate(dots)):
            return None
        moved: list[Node] = []
        for i, (arg, dot) in enumerate(zip(node.args, dots, strict=True)):
            if i in data:
                moved.append(arg)
            elif dot is None:
                moved.append(node.builder.broadcast(node.builder.constant(0.0), arg.shape))
            else:
                moved.append(dot)
        return node.op(*moved, params=node.params)

    facts.setdefault("scales", False)
    return register(
        Primitive(
            name=name,
            kind="linear",
            apply=apply,
            shape=shape,
            pullback=pullback,
            pushforward=pushforward,
            **facts,
        )
    )


def bilinear(
    name: str,
    apply: Callable[..., Array],
    shape: Callable[..., Shape],
    transposes: tuple[Callable[[Node, Node], Node], Callable[[Node, Node], Node]],
    **facts: Any,
) -> Primitive:
    """An operation linear in each of two arguments: `transposes[i](node, bar)` is the cotangent of argument i."""

    def pushforward(node: Node, dots: Sequence[Node | None]) -> Node | None:
        a, b = node.args
        terms = []
        if dots[0] is not None:
            terms.append(node.op(dots[0], b, params=node.params))
        if dots[1] is not None:
            terms.append(node.op(a, dots[1], params=node.params))
        return total(terms)

    return register(
        Primitive(
            name=name,
            kind="bilinear",
            apply=apply,
            shape=shape,
            pullback=lambda node, bar, i: transposes[i](node, bar),
            pushforward=pushforward,
            **facts,
        )
    )


def without(shape: Shape, axis: int) -> Shape:
    """`shape` less its axis `axis`."""
    return shape[:axis] + shape[axis + 1 :]


def expand(node: Node, axis: int, extent: int) -> Node:
    """`node` with a new axis before axis `axis`, repeated `extent` times along it: the transpose of a sum."""
    reshape = TABLE["reshape"]
    inserted = reshape(node, params=(node.shape[:axis] + (1,) + node.shape[axis:],))
    return node.builder.broadcast(inserted, node.shape[:axis] + (extent,) + node.shape[axis:])


def add_up(node: Node, axis: int) -> Node:
    """The sum along one axis, which goes."""
    kept = TABLE["sum"](node, params=(node.shape[:axis] + (1,) + node.shape[axis + 1 :],))
    return TABLE["reshape"](kept, params=(without(node.shape, axis),))


def reduction(name: str, apply: Callable[..., Array], weights: Callable[[Node], Node], **facts: Any) -> Primitive:
    """A function of the elements along one axis (the parameter). `weights(node)` is ∂y/∂x, shaped like x."""

    def pullback(node: Node, bar: Node, i: int) -> Node:
        (axis,) = node.params
        return expand(bar, axis, node.args[0].shape[axis]) * weights(node)

    def pushforward(node: Node, dots: Sequence[Node | None]) -> Node | None:
        return None if dots[0] is None else add_up(dots[0] * weights(node), node.params[0])

    return register(
        Primitive(
            name=name,
            kind="reduction",
            apply=apply,
            shape=without,
            pullback=pullback,
            pushforward=pushforward,
            keeps_rows=along_another,
            reaches=lambda node, flags, i: expand(flags, node.params[0], node.args[0].shape[node.params[0]]),
            **facts,
        )
    )

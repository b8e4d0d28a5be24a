"""A rule's own source, split in two: what depends on the step alone, and what depends on the element.

The first part runs once a step, in double precision, as ordinary Python; it gives the constants. The second part is
text from which kernels are made; every largest expression without an element in it has become the name of a constant.

    m_hat = m / unbias(beta1, t)        →    _c2 = 1 / unbias(beta1, t)    once, in double
                                             m_hat = m * _c2               for each element
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from yeonma.errors import ConfigError
from yeonma.optim.registry import Form

ELEMENTWISE = ("abs", "sqrt")

Prelude = Callable[..., tuple[tuple[float, ...], tuple[float, ...]]]


@dataclass(frozen=True)
class Split:
    """The two parts of a rule.

    prelude    (None, s, t, lr, **hyper) → the constants, and the new values of the scalar slots
    constants  what each constant is, as text; its name is _c0, _c1, …
    body       the statements for one element, over g, `_s_<slot>` and the constants
    delta      the expression added to the weight
    new        element slot → the expression of its new value
    """

    prelude: Prelude
    constants: tuple[str, ...]
    body: tuple[str, ...]
    delta: str
    new: Mapping[str, str]


@cache
def split(form: Form) -> Split | None:
    """Split the source of a form's function; None where Python has no source for it (typed at a prompt).

    Raises: ConfigError where the body is more than assignments and `return delta, s._replace(…)`.
    """
    try:
        source = textwrap.dedent(inspect.getsource(form.function))
    except (OSError, TypeError):
        return None
    definition = ast.parse(source).body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise _refusal(form, definition)
    return _Splitter(form, definition).split()


def _refusal(form: Form, node: ast.AST) -> ConfigError:
    return ConfigError(
        "The body of a rule is assignments `name = expression`, each name once, then `return delta, s._replace(…)`, "
        f"made of arithmetic, {' and '.join(ELEMENTWISE)}. {form.function.__name__} has: {ast.unparse(node)}\n"
        "Write it so, or set YEONMA_KERNELS=off to run it without kernels."
    )


class _Splitter(ast.NodeVisitor):
    """Walks the body once; visiting an expression puts the names of constants into it."""

    def __init__(self, form: Form, definition: ast.FunctionDef) -> None:
        self.form, self.definition = form, definition
        self.names = {a.arg for a in ast.walk(definition.args) if isinstance(a, ast.arg)}
        self.elements = {"g"}  # those of the names whose value differs from element to element
        self.once: list[ast.stmt] = []
        self.constants: dict[str, ast.expr] = {}

    def split(self) -> Split:
        body = [node for node in self.definition.body if not _is_docstring(node)]
        statements = [text for node in body[:-1] for text in self.assignment(node)]
        delta, new = self.result(body[-1])
        texts = {name: self.element(new[name]) for name in self.form.elements if name in new}
        delta_text = self.element(delta)
        return Split(self.prelude(new), tuple(self.constants), tuple(statements), delta_text, texts)

    def assignment(self, node: ast.stmt) -> Iterable[str]:
        """The element statement of an assignment, or nothing where its value is the same for all elements."""
        if not (isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)):
            raise _refusal(self.form, node)
        name = node.targets[0].id
        if name in self.names:  # a constant is evaluated after all statements: it must not see a later value
            raise _refusal(self.form, node)
        self.names.add(name)
        if not self.varies(node.value):
            self.once.append(node)
            return []
        text = f"{name} = {self.element(node.value)}"
        self.elements.add(name)
        return [text]

    def result(self, node: ast.stmt) -> tuple[ast.expr, dict[str, ast.expr]]:
        """Δ and the new values by slot, out of `return delta, s._replace(…)` or `return delta, s`."""
        match node:
            case ast.Return(ast.Tuple([delta, ast.Name("s")])):
                return delta, {}
            case ast.Return(ast.Tuple([delta, ast.Call(ast.Attribute(ast.Name("s"), "_replace"), [], keywords)])):
                return delta, {k.arg: k.value for k in keywords if k.arg is not None}
        raise _refusal(self.form, node)

    def prelude(self, new: Mapping[str, ast.expr]) -> Prelude:
        """The part that runs once a step, as a function with the rule's own globals."""
        kept = [new.get(name, ast.parse(f"s.{name}", mode="eval").body) for name in self.form.scalars]
        if any(self.varies(value) for value in kept):
            raise _refusal(self.form, self.definition.body[-1])
        values = ast.Tuple(
            [ast.Tuple(list(self.constants.values()), ast.Load()), ast.Tuple(kept, ast.Load())], ast.Load()
        )
        text = "\n".join(ast.unparse(node) for node in [*self.once, ast.Return(values)])
        arguments = ast.unparse(_without_annotations(self.definition.args))
        namespace = dict(self.form.function.__globals__)
        exec(f"def prelude({arguments}):\n{textwrap.indent(text, '    ')}", namespace)
        prelude: Prelude = namespace["prelude"]
        return prelude

    def element(self, node: ast.expr) -> str:
        """The expression as kernel text, its constants named."""
        return ast.unparse(self.visit(node))

    def varies(self, node: ast.AST) -> bool:
        """Whether an expression differs from element to element."""
        return any(
            (isinstance(n, ast.Name) and n.id in self.elements)
            or (isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.attr in self.form.elements)
            for n in ast.walk(node)
        )

    def constant(self, node: ast.expr) -> ast.Name:
        """The name of the constant that stands for an expression."""
        text = ast.unparse(node)
        self.constants.setdefault(text, node)
        return ast.Name(f"_c{list(self.constants).index(text)}", ast.Load())

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr) and not self.varies(node):
            return self.constant(node)
        return super().visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """A division by a constant becomes a multiplication with its reciprocal, taken in double precision."""
        if isinstance(node.op, ast.Div) and not self.varies(node.right):
            reciprocal = ast.BinOp(ast.Constant(1), ast.Div(), node.right)
            return ast.BinOp(self.visit(node.left), ast.Mult(), self.constant(reciprocal))
        return ast.BinOp(self.visit(node.left), node.op, self.visit(node.right))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        return ast.UnaryOp(node.op, self.visit(node.operand))

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return ast.Name(f"_s_{node.attr}", ast.Load())

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if not (isinstance(node.func, ast.Name) and node.func.id in ELEMENTWISE and len(node.args) == 1):
            raise _refusal(self.form, node)
        return ast.Call(node.func, [self.visit(node.args[0])], [])

    def generic_visit(self, node: ast.AST) -> ast.AST:
        raise _refusal(self.form, node)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _without_annotations(arguments: ast.arguments) -> ast.arguments:
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        argument.annotation = None
    return arguments

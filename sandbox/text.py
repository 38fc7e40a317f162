"""Reading of a reward's text: a pasted method may be indented; printing and checks of values are left out."""

from __future__ import annotations
import __future__ as future

import ast
import re
from collections.abc import Sequence
from types import CodeType
from typing import Any

FILE = "reward.py"
"""File name of the candidate's text in tracebacks."""
FUNCTION = "compute_reward"

_OUTPUT = re.compile(
    r"print|pp|pprint(\.pprint)?|warnings\.warn|sys\.(stdout|stderr)\.(write|flush)"
    r"|_?(logging|logger|log|LOGGER|LOG)\.(debug|info|warning|warn|error|critical|exception|log)"
)
_OF_SHAPES = frozenset(("len", "isinstance", "hasattr", "callable", "dim", "size"))
FORMAT = "_format"
"""Name of the function that replaces the operator in `"%.2f" % x`."""


def read(source: str) -> ast.Module:
    """The syntax tree of a text; line numbers are those of the text.

    Raises:
        SyntaxError: it is not valid Python.
    """
    source = _cleaned(source)
    try:
        return ast.parse(source, FILE)
    except IndentationError as error:
        lines = source.split("\n")
        before, line = lines[: (error.lineno or 1) - 1], error.lineno or 1
        if error.msg != "unexpected indent" or any(text[:1].isspace() and text.strip() for text in before):
            raise
    try:
        tree = ast.parse("\n".join([*before, "if True:", *lines[line - 1 :]]), FILE)
    except SyntaxError as error:
        error.lineno = max(line, (error.lineno or line) - 1)
        raise
    block = next(i for i, n in enumerate(tree.body) if n.lineno == line)
    for n in tree.body[block:]:
        ast.increment_lineno(n, -1)
    tree.body[block : block + 1] = tree.body[block].body  # type: ignore[attr-defined]
    return tree


def _cleaned(source: str) -> str:
    return source.removeprefix("\ufeff").replace("\u00a0", " ")


def outputs(source: str) -> list[ast.Expr]:
    """The statements that only print, which the sandbox leaves out."""
    tree = read(source)
    quiet = _Quiet(tree)
    return sorted((n for n in ast.walk(tree) if isinstance(n, ast.Expr) and quiet.prints(n)), key=lambda n: n.lineno)


def plain(source: str) -> str:
    """The text for Python alone: not indented as a whole, and with printing as comments."""
    tree, lines = read(source), _cleaned(source).split("\n")
    heads = [lines[n.lineno - 1][: n.col_offset] for n in tree.body]
    indent = next((head for head in heads if head and not head.strip()), "")
    texts = [n for n in ast.walk(tree) if isinstance(n, ast.Constant | ast.JoinedStr)]
    inside = {i for n in texts for i in range(n.lineno, n.end_lineno or 0)}
    text = "\n".join(line if i in inside else line.removeprefix(indent) for i, line in enumerate(lines))
    return cut(text, outputs(text), "left out")


def cut(source: str, statements: Sequence[ast.stmt], comment: str = "") -> str:
    """The text with `pass` in place of statements, and a comment with each one that stands alone.

    Without a comment, a statement's lines are removed where it stands alone.
    """
    lines = source.encode().split(b"\n")  # the tree's columns count bytes
    for n in sorted(statements, key=lambda n: (n.lineno, n.col_offset), reverse=True):
        head = lines[n.lineno - 1][: n.col_offset]
        tail = lines[(n.end_lineno or 1) - 1][n.end_col_offset :].strip(b" \t\r;")
        old = " ".join((ast.get_source_segment(source, n) or "").split())
        if tail and not tail.startswith(b"#"):
            line = head + b"pass; " + tail
        elif comment or head.strip():
            line = head + (f"pass  # {comment}: {old}  " if comment else "pass  ").encode() + tail
        else:
            line = tail
        lines[n.lineno - 1 : n.end_lineno] = [line.rstrip()]
    return b"\n".join(lines).decode()


def compiled(source: str) -> CodeType:
    """The text's code, without statements that only print or check, and without evaluation of annotations."""
    tree = read(source)
    flags = future.annotations.compiler_flag
    try:
        tree = ast.fix_missing_locations(_Quiet(tree).visit(tree))
        return compile(tree, FILE, "exec", flags=flags, dont_inherit=True)
    except RecursionError:  # nested very deeply
        return compile(source, FILE, "exec", flags=flags, dont_inherit=True)


class _Quiet(ast.NodeTransformer):
    """Removes output and checks of values, such as `assert torch.isfinite(r).all()`.

    A reward has no output, and neither need have a value while tracing. A check either stops a reward or changes
    nothing, unless the text catches what it raises. Checks of shapes and types stay.
    """

    def __init__(self, tree: ast.Module):
        functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
        self.own = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        catching: list[ast.AST] = [n for n in ast.walk(tree) if isinstance(n, ast.Try) or _suppresses(n)]
        if catching:
            catching += [n for n in functions if n.name != FUNCTION]
        self.caught = {id(n) for part in catching for n in ast.walk(part)}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        return None if node.module == "__future__" else node

    def visit_Expr(self, node: ast.Expr) -> Any:
        return ast.copy_location(ast.Pass(), node) if self.prints(node) else self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> Any:
        return ast.copy_location(ast.Pass(), node) if self._checks_values(node) else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> Any:
        self.generic_visit(node)
        raises = isinstance(node.body[-1], ast.Raise) or not node.orelse
        if raises and all(isinstance(n, ast.Raise | ast.Pass) for n in node.body) and self._checks_values(node):
            return node.orelse or ast.copy_location(ast.Pass(), node)
        return node

    def _checks_values(self, node: ast.Assert | ast.If) -> bool:
        parts = list(ast.walk(node.test))
        calls = {ast.unparse(n.func).split(".")[-1] for n in parts if isinstance(n, ast.Call)}
        shapes = calls or any(isinstance(n, ast.Attribute) and n.attr in ("shape", "ndim", "dtype") for n in parts)
        return id(node) not in self.caught and not (shapes and calls <= _OF_SHAPES) and not any(map(self._acts, parts))

    def prints(self, node: ast.Expr) -> bool:
        """Whether a statement only prints."""
        call = node.value
        if not isinstance(call, ast.Call) or not _OUTPUT.fullmatch(ast.unparse(call.func)):
            return False
        return not any(self._acts(n) for n in ast.walk(call))

    def _acts(self, n: ast.AST) -> bool:
        """Whether an expression may change something."""
        name = ast.unparse(n.func).split(".")[-1] if isinstance(n, ast.Call) else ""
        return isinstance(n, ast.NamedExpr | ast.Yield | ast.Await) or name in self.own or name.endswith("_")

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        self.generic_visit(node)
        left = node.left
        if isinstance(node.op, ast.Mod) and isinstance(left, ast.Constant) and isinstance(left.value, str):
            return ast.copy_location(ast.Call(ast.Name(FORMAT, ast.Load()), [left, node.right], []), node)
        return node


def _suppresses(n: ast.AST) -> bool:
    return isinstance(n, ast.With) and any("suppress" in ast.unparse(item) for item in n.items)


def definition(tree: ast.Module) -> tuple[ast.FunctionDef | None, ast.ClassDef | None]:
    """The last definition of `compute_reward`, and the class that it stands in."""
    found: tuple[ast.FunctionDef | None, ast.ClassDef | None] = (None, None)
    for n in ast.walk(tree):
        for child in ast.iter_child_nodes(n):
            if isinstance(child, ast.FunctionDef) and child.name == FUNCTION:
                found = child, n if isinstance(n, ast.ClassDef) else None
    return found


def return_line(source: str) -> int | None:
    """The line of the only `return` of `compute_reward`, of its definition if there is none, else None."""
    function, _ = definition(read(source))
    if function is None:
        return None
    inner = {r for f in ast.walk(function) if f is not function and isinstance(f, ast.FunctionDef) for r in ast.walk(f)}
    lines = [n.lineno for n in ast.walk(function) if isinstance(n, ast.Return) and n not in inner]
    return lines[0] if len(lines) == 1 else None if lines else function.lineno

"""What core/ says, as templates: found in its source, so that it needs no `tr` and knows nothing of languages.

`PhotoError(f"{path.name} is damaged ({error}).")` is the template "{name} is damaged ({error})."; a translation gives another
text for it, with the same {names}. `app.language.told` finds the template of a message that is shown.
"""
from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

CORE = Path(__file__).resolve().parent.parent / "core"
_LEAST_WORDS = 2


@cache
def templates() -> tuple[str, ...]:
    """Every text in core/ that reads like a sentence, as a template."""
    found = dict.fromkeys(text for path in sorted(CORE.rglob("*.py")) for text in of_source(path.read_text(encoding="utf-8")))
    return tuple(found)


def of_source(source: str) -> Iterator[str]:
    """The templates of a module's texts."""
    for node in _texts(ast.parse(source)):
        said = template(node)
        if said and len(re.sub(r"\{\w+\}", "", said).split()) >= _LEAST_WORDS:
            yield said


def _texts(node: ast.AST) -> Iterator[ast.expr]:
    """The outermost texts below a node, without docstrings; those inside a text's {places} too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.JoinedStr) or isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child
            places = [part.value for part in getattr(child, "values", ()) if isinstance(part, ast.FormattedValue)]
            for place in places:
                yield from _texts(ast.Expression(place))
        else:
            yield from _texts(child)


def template(node: ast.expr) -> str:
    """A text with the names of what is filled in: of the variable or the attribute, else x; numbered where there are several."""
    if isinstance(node, ast.Constant):
        return _escaped(node)
    said, used = "", set[str]()
    for part in getattr(node, "values", ()):
        if isinstance(part, ast.Constant):
            said += _escaped(part)
        elif isinstance(part, ast.FormattedValue):
            base = _name(part.value)
            name = next(name for name in (base, *(f"{base}{k}" for k in range(2, 99))) if name not in used)
            used.add(name)
            said += f"{{{name}}}"
    return said


def _escaped(node: ast.Constant) -> str:
    return str(node.value).replace("{", "{{").replace("}", "}}")


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else "x"

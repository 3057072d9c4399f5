"""All texts that `tr` is asked for, and the files of translations: `python -m app.texts [--update | --messages]`.

Without an option it says what each language lacks and what is no longer in the source; --update puts missing texts into each
file with an empty translation (which shows as English) and takes out what is gone. Messages of core/ are not put in, as most of
them are for the command line: --messages lists them, and those a user of the window may meet go into a file's "messages" by hand.
"""
from __future__ import annotations

import argparse
import ast
import json
import re
import string
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from app.core_texts import templates
from app.language import FOLDER
from core.files import atomic_write

APP = Path(__file__).resolve().parent
_NAME = re.compile(r"[a-z]+(\.\w*)+")  # of parameters


def texts() -> list[str]:
    """Every English text: the literals in app/, and the tables of names that are passed through `tr` where they are shown."""
    found = dict.fromkeys(text for path in sorted(APP.rglob("*.py")) for text in literals(path.read_text(encoding="utf-8")))
    found.update(dict.fromkeys(_tables()))
    return [text for text in found if any(c.isalpha() for c in text)]


def literals(source: str) -> Iterator[str]:
    """What `tr` is called with, in order."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr" and node.args:
            yield from _strings(node.args[0])


def _strings(node: ast.expr) -> Iterator[str]:
    """The texts an argument may be: a literal, or one of two."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*_strings(node.body), *_strings(node.orelse))


def _tables() -> Iterator[str]:
    """Names, groups and help of all parameters, names of what ships, and the texts of tables in app/ (module constants)."""
    from app.names import plain, plain_full, plain_short, unit_part
    from core.credentials import UNKNOWN_SIGNER
    from core.head import load_head
    from core.personalize.presets import CONSENT, load_presets
    from core.presets import KINDS, builtin
    from core.rig import parameters
    from core.swap import DEFAULT_TITLE

    for row in parameters(load_head("open")).values():
        if row.name.startswith("sh."):  # a table of numbers
            continue
        yield from (row.label, row.help, plain(row.name))
        if row.name.startswith("expression."):
            yield plain_short(row, unit_part(row.name.removeprefix("expression.")))
        else:
            yield plain_full(row.name)
    for kind in KINDS:
        yield from (preset.name for preset in builtin(kind))
    for preset in load_presets().values():
        yield from (preset.title, preset.text)
    yield from (CONSENT, UNKNOWN_SIGNER, DEFAULT_TITLE)
    for path in sorted(APP.rglob("*.py")):
        if path != Path(__file__):
            yield from constants(path.read_text(encoding="utf-8"))


def constants(source: str) -> Iterator[str]:
    """The texts of a module's constants: all of those that a call of `tr` names, and whatever reads like words in the others."""
    tree = ast.parse(source)
    named = {name.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
             and node.func.id == "tr" and node.args for name in ast.walk(node.args[0]) if isinstance(name, ast.Name)}
    classes = [node for part in tree.body if isinstance(part, ast.ClassDef) for node in part.body]
    for node in (*tree.body, *classes):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            sure = isinstance(target, ast.Name) and target.id in named
            keys = {id(key) for child in ast.walk(node.value) if isinstance(child, ast.Dict) for key in child.keys}
            yield from (text for child in ast.walk(node.value) if isinstance(child, ast.Constant)
                        and isinstance(text := child.value, str) and not _NAME.fullmatch(text)
                        and (sure and id(child) not in keys or _is_shown(text)))


def _is_shown(text: str) -> bool:
    """Whether a constant of a module reads like words for people."""
    first = text.lstrip("&")[:1]
    words = text.replace("\n", "").isprintable() and not text.isupper() and not re.match("Q[A-Z]", text)
    return len(text) > 2 and words and (first.isupper() or text.startswith("{name} "))


def placeholders(text: str) -> set[str]:
    """The {names} in a text. Raises ValueError for broken braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def problems(plain: dict[str, Any]) -> list[str]:
    """What is wrong with a file of translations."""
    wrong = [f"it lacks {part!r}" for part in ("language", "texts") if part not in plain]
    messages = plain.get("messages", {})
    for english, other in (*plain.get("texts", {}).items(), *messages.items()):
        if not isinstance(other, str):
            wrong.append(f"{english!r} is no text")
            continue
        try:
            names, known = placeholders(other), placeholders(english)
            if other and names != known and not (english in messages and names < known):  # those may say less
                wrong.append(f"{english!r} and {other!r} have other names in braces")
        except ValueError as error:
            wrong.append(f"{other!r}: {error}")
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Say what the languages lack, or bring their files up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the files anew")
    parser.add_argument("--messages", action="store_true", help="list the messages of core/ that have no translation")
    options = parser.parse_args(arguments)
    wanted = texts()
    for path in sorted(FOLDER.glob("*.json")):
        plain = json.loads(path.read_text(encoding="utf-8"))
        there = plain["texts"]
        left = [text for text in wanted if not there.get(text)]
        gone = [text for text in there if text not in wanted]
        print(f"{path.name}: {len(wanted) - len(left)} of {len(wanted)} texts, {len(gone)} no longer used")
        messages = plain.get("messages", {})
        lost = [text for text in messages if text not in templates()]
        print(f"{path.name}: {len(messages)} messages of core/, {len(lost)} no longer used")
        if options.messages:
            for text in sorted(set(templates()) - set(messages)):
                print(f"  {text!r}")
        if options.update:
            plain["texts"] = {text: there.get(text, "") for text in sorted(wanted)}
            plain["messages"] = {text: messages[text] for text in sorted(messages) if text not in lost}
            atomic_write(path, (json.dumps(plain, ensure_ascii=False, indent=1) + "\n").encode())
        else:
            for text in left[:20]:
                print(f"  missing: {text!r}")
        for said in problems(plain):
            print(f"  wrong: {said}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

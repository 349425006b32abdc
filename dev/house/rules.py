# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""House rules that imports cannot show, read from syntax trees.

Each rule takes the tree of one module and gives (line, what is wrong).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

Fault = tuple[int, str]
Rule = Callable[[ast.Module], Iterator[Fault]]

# Attributes that read a clock or touch files, whatever object they are called on.
_CLOCK = frozenset({"now", "utcnow", "today"})
_FILES = frozenset(
    {"read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink", "touch", "iterdir"}
    | {"get_data", "exists", "glob", "rglob", "is_file", "is_dir"}
)
# Attributes of modules that mostly compute, which do more.
_OF_MODULES = {
    "time": frozenset(
        {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep"}
        | {"localtime", "ctime", "process_time", "thread_time", "clock_gettime"}
    ),
    "socket": frozenset(
        {"socket", "create_connection", "create_server", "socketpair", "fromfd", "getaddrinfo"}
        | {"gethostbyname", "gethostname", "getfqdn"}
    ),
    "random": frozenset({"seed"}),
    "io": frozenset({"open", "open_code", "FileIO"}),
    "etree": frozenset({"parse"}),
    "datetime": _CLOCK,
    "date": _CLOCK,
}
# Under another name nobody would see what is used of these.
_HIDDEN = frozenset({"time", "socket", "random"})
_BUILTINS = frozenset({"open", "input", "print", "exec", "eval", "compile", "__import__"})
_COLLECTION = "ansible_collections.groupvpn"


def faults(rule: Rule, *files: Path) -> list[str]:
    """What a rule finds in files, as ``path:line: fault``."""
    return [
        f"{file}:{line}: {fault}"
        for file in files
        for line, fault in rule(ast.parse(file.read_text(), str(file)))
    ]


def absolute_imports(tree: ast.Module) -> Iterator[Fault]:
    """Imports of the collection by its full name: no tool that reads imports follows them."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(level=0, module=str(name)):
                names = [name]
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                names = [name]
            case _:
                continue
        for name in names:
            if name.startswith((_COLLECTION, "plugins")):
                yield node.lineno, f"absolute import of {name}"


def clock_and_files(tree: ast.Module) -> Iterator[Fault]:
    """What reads a clock, touches files, sockets or the terminal without a telling import."""
    asked = {node.value for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import))
    hidden = _HIDDEN & {alias.name for node in imports for alias in node.names}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr=name) if name in _OF_MODULES.get(
                module, ()
            ):
                yield node.lineno, f"{module}.{name}"
            case ast.ImportFrom() | ast.Import():
                yield from _hides(node)
            case ast.Name(id=name, ctx=ast.Load()) if name in _BUILTINS:
                yield node.lineno, name
            case ast.Name(id=name, ctx=ast.Load()) if name in hidden and node not in asked:
                yield node.lineno, f"{name} is handed on, which hides what is used of it"
            case ast.Call(func=ast.Attribute(attr=name)) if name in _CLOCK | _FILES:
                yield node.lineno, f".{name}()"
            case (
                ast.Call(func=ast.Attribute(attr="fromtimestamp"), args=[_], keywords=[])
                | ast.Call(func=ast.Attribute(attr="astimezone"), args=[], keywords=[])
            ):
                yield node.lineno, "the time zone of this machine"


def _hides(node: ast.ImportFrom | ast.Import) -> Iterator[Fault]:
    """An import after which nobody would see what is used of a module."""
    if isinstance(node, ast.ImportFrom):
        if node.module in _HIDDEN:
            yield node.lineno, f"from {node.module} import hides what is used of it"
        return
    for alias in node.names:
        if alias.asname and alias.name in _HIDDEN:
            yield node.lineno, f"{alias.asname} hides what is used of {alias.name}"


def acts_at_import(tree: ast.Module) -> Iterator[Fault]:
    """Statements of a module that do something when it is imported: bare calls, loops, ``with``."""
    yield from _acting(tree.body)


def _acting(body: Iterable[ast.stmt]) -> Iterator[Fault]:
    for node in body:
        match node:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Expr() | ast.For() | ast.While() | ast.With():
                yield node.lineno, "acts when imported"
            case ast.Assign(targets=[ast.Name(id="_")], value=ast.Call()):
                yield node.lineno, "acts when imported"
            case ast.If(body=body, orelse=other) | ast.Try(body=body, orelse=other):
                yield from _acting([*body, *other])
            case ast.ClassDef(body=body):
                yield from _acting(body)


def private_of_another(tree: ast.Module) -> Iterator[Fault]:
    """A test that patches or sets what another object keeps to itself."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="setattr" | "delattr" | "object" | "patch")):
                yield from _patched(node)
            case ast.Call(func=ast.Attribute(attr="multiple"), keywords=keywords):
                for one in keywords:
                    if (one.arg or "").startswith("_"):
                        yield node.lineno, f"patches {one.arg}, private to another"
            case ast.Call(func=ast.Name(id="setattr" | "delattr" | "patch")):
                yield from _patched(node)
            case ast.Call(func=ast.Attribute(attr="__setattr__"), args=[ast.Name(id=one), *_]):
                yield from _patched(node) if one != "self" else ()
            case (
                ast.Call(func=ast.Attribute(attr="setitem" | "delitem"), args=[into, *_])
                | ast.Subscript(value=into, ctx=ast.Store() | ast.Del())
            ) if _is_namespace(into):
                yield node.lineno, f"changes {ast.unparse(into)} behind its owner's back"
            case ast.Attribute(ctx=ast.Store() | ast.Del()) if _foreign(node):
                yield node.lineno, f"sets {ast.unparse(node)}, private to another"


def hooks(tree: ast.Module) -> Iterator[Fault]:
    """Something to call that is hung on an object after it was made: until then nobody hears."""
    for node in ast.walk(tree):
        for target in node.targets if isinstance(node, ast.Assign) else ():
            match target:
                case ast.Attribute(value=ast.Name(id="self" | "cls")):
                    continue
                case ast.Attribute(attr=name) if name.startswith("on_") or _calls_later(node.value):
                    yield node.lineno, f"{ast.unparse(target)} is hung on it from outside"


MOST_METHODS = 22


def crowded(tree: ast.Module) -> Iterator[Fault]:
    """Classes of so many methods that they are no one thing any more."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            methods = sum(
                isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) for one in node.body
            )
            if methods > MOST_METHODS:
                yield node.lineno, f"{node.name} has {methods} methods"


def _is_namespace(value: ast.expr) -> bool:
    """Whether it is all that an object or module has, as a dictionary."""
    match value:
        case ast.Attribute(attr="__dict__") | ast.Call(func=ast.Name(id="vars"), args=[_]):
            return True
    return False


def _calls_later(value: ast.expr) -> bool:
    return isinstance(value, ast.Lambda) or (
        isinstance(value, ast.Call) and ast.unparse(value.func) in ("partial", "functools.partial")
    )


_COUNTABLE = (
    "audit|change|connection|device|entrie|error|finding|gateway|group|host|key server|line|member"
    "|minute|rekey|server|session|site|statement|value|warning"
)
_COUNTED = re.compile(rf" (?:more |registered )?(?:{_COUNTABLE})s\b")


def plurals(tree: ast.Module) -> Iterator[Fault]:
    """A number before a plural, which is wrong for one; of a limit and in `1 of 9` it is right."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        three = zip([None, *node.values], node.values, node.values[1:], strict=False)
        for before, number, behind in three:
            if not isinstance(number, ast.FormattedValue) or _is_limit(number.value):
                continue
            found = _COUNTED.match(_text(behind))
            if found and not _text(before).endswith((" of ", " of at least ")):
                yield node.lineno, f"a number before {found[0].strip()!r}"


def _is_limit(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id.isupper()


def _text(part: object) -> str:
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else ""


def naming(words: Iterable[str]) -> Rule:
    """A rule: no constant is one of these words, which name statements."""
    words = frozenset(words)

    def named(tree: ast.Module) -> Iterator[Fault]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.value in words:
                yield node.lineno, f"names the statement {node.value}"

    return named


# What makes, seeks or opens elements by name: of lxml, and of both halves' own modules.
_BY_TAG = frozenset(
    {"Element", "SubElement", "QName", "child", "children", "iter", "iterchildren", "iterfind"}
    | {"find", "findall", "findtext", "iterdescendants", "itersiblings", "_element"}
    | {"xpath", "XPath", "ETXPath"}
)


def tagging(words: Iterable[str]) -> Rule:
    """A rule: no element is made, sought or compared by a constant that is one of these words."""
    words = frozenset(words)

    def tagged(tree: ast.Module) -> Iterator[Fault]:
        for node in ast.walk(tree):
            for constant in _tags(node):
                found = words.intersection(_steps(constant.value))
                if found:
                    yield constant.lineno, f"names the statement {', '.join(sorted(found))}"

    return tagged


def _tags(node: ast.AST) -> Iterator[ast.Constant]:
    """The constants of a node that stand for names of elements."""
    match node:
        case ast.Call(
            func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords
        ) if name in _BY_TAG:
            places = [*args, *(one.value for one in keywords if one.arg in ("path", "tag"))]
        case ast.Call(func=ast.Attribute(value=tag, attr="endswith"), args=args) if _is_tag(tag):
            places = args
        case ast.Compare(left=left, comparators=others) if any(map(_is_tag, (left, *others))):
            places = [left, *others]
        case ast.Match(subject=subject, cases=cases) if _is_tag(subject):
            places = [case.pattern for case in cases]
        case _:
            return
    for place in places:
        yield from _constants(place)


def _constants(node: ast.AST) -> Iterator[ast.Constant]:
    """The constants that an expression or a pattern may be, or consists of."""
    match node:
        case ast.Constant():
            yield node
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            yield from (found for part in parts for found in _constants(part))
        case ast.JoinedStr(values=parts) | ast.MatchOr(patterns=parts):
            yield from (found for part in parts for found in _constants(part))
        case ast.MatchValue(value=value):
            yield from _constants(value)


def _is_tag(node: ast.AST) -> bool:
    """Whether an expression is an element's name: ``element.tag``, ``local_name(element)``."""
    match node:
        case ast.Attribute(attr="tag" | "localname"):
            return True
        case ast.Subscript(value=ast.Call(func=ast.Attribute(value=inner))):
            # tag.rpartition("}")[2]
            return _is_tag(inner)
        case ast.Call(func=ast.Name(id="local_name") | ast.Attribute(attr="local_name")):
            return True
    return False


def _steps(path: object) -> list[str]:
    """The names in an XPath of lxml: ``{*}group/{*}name``."""
    return re.split(r"[/:}\[\]]+", path) if isinstance(path, str) else []


def _patched(call: ast.Call) -> Iterator[Fault]:
    keywords = [one.value for one in call.keywords if one.arg in ("name", "attribute", "target")]
    names = [name for part in (*keywords, *call.args) if (name := _text(_last(part)))]
    for name in names[:1]:
        if name.rpartition(".")[2].startswith("_"):
            yield call.lineno, f"patches {name}, private to another"


def _last(part: ast.expr) -> ast.expr:
    """What a text ends with: of ``f"{module}._name"`` the name."""
    return part.values[-1] if isinstance(part, ast.JoinedStr) and part.values else part


def _foreign(node: ast.Attribute) -> bool:
    private = node.attr.startswith("_") and not node.attr.startswith("__")
    return private and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))


# What logs and what shows, whatever object it is called on.
_TELLING = frozenset(
    {"debug", "info", "warning", "error", "exception", "critical", "log", "print", "display"}
    | {"v", "vv", "vvv", "vvvv", "vvvvv", "verbose", "warn", "fail_json", "write", "format"}
)
_SECRETS = frozenset({"password", "psk", "pre_shared_key", "passphrase", "secret", "private_key"})


def tells_secrets(tree: ast.Module) -> Iterator[Fault]:
    """Secrets in texts and logs, and fields whose ``repr`` would show one."""
    for node in ast.walk(tree):
        match node:
            case ast.FormattedValue(value=value) if _is_secret(value):
                yield node.lineno, f"{ast.unparse(value)} in a text"
            case ast.BinOp(op=ast.Mod(), right=value) if any(map(_is_secret, _parts(value))):
                yield node.lineno, f"{ast.unparse(value)} in a text"
            case ast.Call(
                func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords
            ) if name in _TELLING and any(
                map(_is_secret, (*args, *(one.value for one in keywords)))
            ):
                yield node.lineno, f"{name}() of a secret"
            case ast.Raise(exc=ast.Call(args=args)) if any(map(_is_secret, args)):
                yield node.lineno, "an exception of a secret"
            case ast.ClassDef(body=body):
                yield from (fault for statement in body for fault in _shown_field(statement))


def _is_secret(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in _SECRETS
        case ast.Call(func=ast.Name(id="str" | "repr"), args=[inner]):
            return _is_secret(inner)
    return False


def _parts(value: ast.expr) -> list[ast.expr]:
    return value.elts if isinstance(value, ast.Tuple) else [value]


def _shown_field(statement: ast.stmt) -> Iterator[Fault]:
    """A field of a class that holds a secret as a text, and does not say ``repr=False``."""
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=kind, value=value) if (
            name in _SECRETS and "bool" not in ast.unparse(kind)
        ):
            if "repr=False" not in ("" if value is None else ast.unparse(value)):
                yield statement.lineno, f"{name} is shown with its object; field(repr=False)"


def sleeps(tree: ast.Module) -> Iterator[Fault]:
    """A sleep that no loop looks behind: what is true then, it decides.

    To sleep for no time gives others their turn, and decides nothing.
    """
    polling = {
        inner
        for loop in ast.walk(tree)
        if isinstance(loop, (ast.While, ast.For, ast.AsyncFor))
        for inner in ast.walk(loop)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="sleep"), args=[ast.Constant(value=0)]):
                continue
            case ast.Call(func=ast.Name(id="sleep") | ast.Attribute(attr="sleep")):
                if node not in polling:
                    yield node.lineno, "sleeps, and looks at nothing meanwhile"
            case ast.Call(func=ast.Attribute(attr="wait", value=ast.Call()), args=[_]):
                yield node.lineno, "sleeps: nobody else has what it waits for"

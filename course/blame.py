"""Which line of a learner's copy is to blame: read off its files before anything runs, and off what it printed."""

import ast
import re
from pathlib import Path

from .catalogue import ROOT, before
from .diff import ASIDE
from .mine import shown
from .processes import Trouble

ANSWERING, STARTING = "dispatch_request|trigger_event", "_run_code|_call_with_frames_removed"  # what Python is in then
GIVEN = {"__init__.py", "__main__.py"}  # what nobody imports, and no app is without


def must_be_whole(lesson, copy):
    """Raises Trouble for what makes a copy no app, with the cure: what Python cannot read, what is gone or missing."""
    trees = {path: parsed(path) for path in sorted(copy.folder.rglob("*.py")) if "instance" not in path.parts}
    for name, came_from in came_with_start(lesson).items():
        if not (copy.folder / name).exists() and (not name.endswith(".py") or name in GIVEN):
            raise Trouble(gone(copy, name, came_from))
    tree, place = trees[copy.folder / "__init__.py"], f"{shown(copy.folder)}/__init__.py"
    if "create_app" not in names_in(tree):
        raise Trouble(f"{place} has no create_app. Flask, and python -m {copy.name}, get the API from it.")
    for path, tree in trees.items():
        for name, line in imported(path, tree, copy.folder):
            if came_from := came_with_start(lesson).get(f"{name}.py"):
                raise Trouble(f"{shown(path)}, line {line}: {gone(copy, f'{name}.py', came_from)}")
            raise Trouble(f"{shown(path)}, line {line}: {shown(copy.folder)} has no {name}.py, nor a name {name}.")
    for function in [node for node in trees[copy.folder / "__init__.py"].body if isinstance(node, ast.FunctionDef)]:
        app = {"create_app": "app", "create_page": "page"}.get(function.name)
        if app and not any(isinstance(node, ast.Return) and node.value for node in own_nodes(function)):
            says = f"{function.name} returns nothing. End it with `return {app}`."
            raise Trouble(f"{place}, line {function.lineno}: {says}")


def parsed(path):
    """The syntax tree of a file; raises Trouble, with the line, where Python cannot read it."""
    try:
        return ast.parse(path.read_bytes(), path)
    except SyntaxError as error:
        place, line = f"{shown(path)}, line {error.lineno or 1}", (error.text or "").strip()
        raise Trouble(f"{place}: Python cannot read this: {error.msg}.\n    {line}") from None
    except ValueError as error:
        raise Trouble(f"{shown(path)}: Python cannot read this: {error}.") from None


def came_with_start(lesson):
    """Where the files came from that `start` copied and the lesson still has: a path, by the file's path in it."""
    folders = [(before(lesson).folder, ""), (lesson.folder, "page/")]
    return {
        name: path
        for folder, below in folders
        for path in folder.rglob("*")
        if path.is_file()
        and (name := path.relative_to(folder).as_posix()).startswith(below)
        and not ASIDE & set(path.relative_to(folder).parts)
        and (below or not name.startswith("page/"))
        and path.suffix != ".png"
        and (lesson.folder / name).exists()
    }


def gone(copy, name, came_from):
    here, there = shown(copy.folder / name), came_from.relative_to(ROOT).as_posix()
    return f"{here} is gone. It came with `start`; put it back: cp {there} {here}"


def imported(path, tree, folder):
    """The modules of the copy that a file imports and that are not there: each name, with its line."""
    here = path.parent
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or node.level != 1 or here != folder:
            continue
        known = names_in(parsed(folder / "__init__.py"))
        for name in [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]:
            is_there = (folder / f"{name}.py").exists() or (folder / name).is_dir()
            if not is_there and (node.module or name not in known):
                yield name, node.lineno


def names_in(tree):
    """All names that a module gives to something, wherever in it."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.ImportFrom(module=None):
                pass  # from . import x: that x is there is what is asked
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found.update(alias.asname or alias.name.split(".")[0] for alias in names)
    return found


def own_nodes(function):
    """What stands in a function, but for the functions in it."""
    nodes = list(function.body)
    for node in nodes:
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            nodes.extend(ast.iter_child_nodes(node))


def why_not_started(trouble, folder):
    """Why an app did not start, as far as what it printed blames a line of the copy; else what the runner says."""
    if place := blamed(trouble.lines, folder):
        return f"Your app does not start. {place}"
    if place := stuck(trouble.lines, folder, STARTING):
        return f"Your app does not start: nobody listens at its port. {place}"
    return str(trouble)


def blamed(lines, folder):
    """The last error in some lines of a log, and the line of the learner's file that it came from; empty if none."""
    starts = [number for number, line in enumerate(lines) if "Traceback (most recent call last)" in line]
    part = lines[starts[-1] + 1 :] if starts else []
    places = [place for line in part if (place := place_in(line, folder))]
    errors = [line for line in part if re.match(r"[\w.]+(:|$)", line)]
    return ": ".join([*places[-1:], *errors[:1]])


def place_in(line, folder):
    """`File "/…/my/01_cors/api.py", line 40, in about` in short, if the file is in the folder."""
    found = re.search(r'File "(.+?)", line (\d+)', line)
    return f"{shown(found[1])}, line {found[2]}" if found and Path(found[1]).is_relative_to(folder) else ""


def stuck(lines, folder, at):
    """Where in the learner's code a process stood when `abort` ended it, at such work; empty if it was elsewhere."""
    for thread in re.split(r"^(?:Current thread|Thread) .*$", "\n".join(lines), flags=re.M)[1:]:
        places = [place for line in thread.splitlines() if (place := place_in(line, folder))]
        if places and re.search(at, thread):
            return f"{places[0]}: it hangs here"
    return ""

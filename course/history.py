"""A lesson as a Git repository, a commit and a tag for each step: edited by plain Git, and taken back."""

import io
import subprocess
import tarfile

from . import steps
from .catalogue import lessons
from .processes import Trouble

BEGIN = "start"  # the tag of the app that the first step changes


def write(lesson, folder):
    """Write the lesson's history to a new folder; raises Trouble."""
    if folder.exists() and any(folder.iterdir()):
        raise Trouble(f"{folder} is not empty. Name a new folder, or bring it back into the lesson: add --save")
    folder.mkdir(parents=True, exist_ok=True)
    app = steps.start(lesson)
    git(folder, "init", "-q", "-b", "main")
    commit(folder, {}, app, f"The app that lesson {lesson.number} starts from", BEGIN)
    for step in steps.steps(lesson):
        old, app = app, step.applied(app)
        commit(folder, old, app, f"{step.title}\n\n{step.why}", f"step-{step.number}")


def commit(folder, old, new, message, tag):
    for name in old.keys() - new.keys():
        (folder / name).unlink()
    steps.write({name: lines for name, lines in new.items() if lines != old.get(name)}, folder)
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "--allow-empty", "-F", "-", text=message)
    git(folder, "tag", tag)


def save(lesson, folder):
    """Take a history back into the lesson's steps/ and app; gives by number which later lessons differ, and how."""
    if not (folder / ".git").is_dir():
        begin = f"python3 -m course steps {lesson.number} --repo {folder}"
        raise Trouble(f"{folder} is not a Git repository. Write one: {begin}")
    if git(folder, "status", "--porcelain"):
        raise Trouble(f"{folder} has changes that are not committed. Commit each in the step it belongs to.")
    app, found = steps.start(lesson), []
    if app_at(folder, BEGIN) != app:
        raise Trouble(f"The tag {BEGIN} is not the app of the lesson before. Change that one in its own lesson first.")
    for hash in git(folder, "rev-list", "--reverse", f"{BEGIN}..HEAD").split():
        title, _, why = git(folder, "log", "-1", "--format=%B", hash).strip().partition("\n")
        old, app = app, app_at(folder, hash)
        if steps.page(lesson) != {name: lines for name, lines in app.items() if name.startswith("page/")}:
            raise Trouble(f"“{title}” changes page/, which is given whole. Change it in {lesson.folder}/page.")
        given = (found[0].title if found else title) == steps.GIVEN
        number = len(found) if given else len(found) + 1
        found.append(steps.make(number, title, why.strip(), old, app))
    steps.save(lesson, found)
    later = [each for each in lessons().values() if each.number > lesson.number]
    return {each.number: why for each in later if (why := steps.differences(each))}


def app_at(folder, commit):
    """The files of a commit: the lines of each, by its name."""
    packed = git(folder, "archive", "--format=tar", commit, text=None)
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        members = [member for member in tar if member.isfile()]
        return {each.name: tar.extractfile(each).read().decode().splitlines() for each in members}


def git(folder, *words, text=""):
    """What a Git command prints, as text; as bytes if `text`, which it is given, is None. Raises Trouble."""
    who = ["-c", "user.name=Live Flask", "-c", "user.email=steps@localhost", "-c", "core.autocrlf=false"]
    given = None if text is None else text.encode()
    try:
        done = subprocess.run(["git", "-C", folder, *who, *words], input=given, capture_output=True)
    except FileNotFoundError:
        raise Trouble("This needs Git, and there is none on the PATH.") from None
    if done.returncode:
        raise Trouble(f"git {words[0]} in {folder} said: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout if text is None else done.stdout.decode()

"""The commands of `python3 -m course`."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import click

from . import catalogue
from .catalogue import ROOT
from .processes import Trouble, answers, is_free, must_be_own, own_address, stop_all

FOUND = "0.0.0.0"  # as an address to listen at it means "all that this machine has"
ENGINES = ["eventlet", "gevent", "threading"]  # the first is what a lesson runs on unless told


OPEN = (
    "Everybody in your network reaches the page and the API by these addresses, without encryption: "
    "use a network that you trust, and no password of yours."
)


class Course(click.Group):
    """Says what a person can mend in one sentence, without a traceback."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except Trouble as trouble:
            raise click.ClickException(str(trouble)) from None


class LessonNumber(click.ParamType):
    """The number of a lesson that is there."""

    name = "lesson"

    def get_metavar(self, param, ctx):
        return "N"

    def convert(self, value, param, ctx):
        found = catalogue.lessons()
        if isinstance(value, str) and value.isdecimal() and int(value) in found:
            return found[int(value)]
        self.fail(f"there is no lesson {value}; choose from {', '.join(map(str, found))}.", param, ctx)


def console(width=None):
    from rich.console import Console

    return Console(highlight=False, width=width)


def escape(text):
    """Text that Rich shows as it is, brackets and all."""
    from rich.markup import escape

    return escape(text)


@click.group(cls=Course, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(ctx):
    """Live Flask: five lessons on real-time web apps with Flask.

    Without a command: the lessons, and what to type next.
    """
    sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a sign shows ? for it
    if ctx.invoked_subcommand:
        return
    from . import mine

    out, going = console(), None
    out.print("[bold]Live Flask[/]: real-time web apps with Flask, lesson by lesson\n")
    for lesson in catalogue.lessons().values():
        out.print(f"[bold]{escape(lesson.title)}[/]")
        done = mine.done(lesson)
        for number, title in lesson.steps.items():
            out.print(f" {'[green]✓[/]' if number in done else ' '} {number}. {escape(title)}")
        out.print()
        going = lesson if (mine.MY / lesson.name).is_dir() and len(done) < len(lesson.steps) else going
    out.print("What to type next:")
    if going:
        out.print(f"   python3 -m course check {going.number}   your own lesson {going.number}: which step is next")
    out.print("   python3 -m course run 1     the first lesson, live in your browser")
    out.print("   python3 -m course lab 1     the mistakes everybody makes, and their cures")
    out.print("   python3 -m course test 1    every promise of the lesson, proved")
    out.print("   python3 -m course start 1   the lesson written by yourself, step by step")
    out.print("   python3 -m course --help    all commands")


def at_its_places(command):
    """The options of a command that serves a lesson and opens its page."""
    for option in (
        click.option("--no-browser", is_flag=True, help="Do not open the page."),
        click.option("--page-port", type=click.IntRange(1, 65535), help="Instead of 810N."),
        click.option("--api-port", type=click.IntRange(1, 65535), help="Instead of 510N."),
    ):
        command = option(command)
    return command


def after_a_step(command):
    """The option of a command that takes the app as it is after a step."""
    return click.option("--step", type=int, metavar="K", help="The app as it is after step K.")(command)


@main.command()
@click.argument("lesson", type=LessonNumber(), metavar="N")
@click.option("--engine", type=click.Choice(ENGINES), help="What serves the API, from lesson 3 on.")
@click.option("--workers", type=click.IntRange(1, 16), help="So many processes behind nginx, from lesson 5 on.")
@click.option("--mine", is_flag=True, help="Your own copy in my/.")
@click.option(
    "--host",
    metavar="[ADDRESS]",
    is_flag=False,
    flag_value=FOUND,
    help="For everybody in your network, a phone too. Write it behind N; the address is found unless you give one.",
)
@click.option(
    "--wire",
    type=click.Choice(["page", "text"]),
    is_flag=False,
    flag_value="page",
    help="Show what goes to and fro between all parts, on a page or, with --wire=text, in this terminal.",
)
@after_a_step
@at_its_places
def run(lesson, engine, workers, api_port, page_port, no_browser, mine, host, step, wire):
    """Serve lesson N with everything it needs, until Ctrl-C."""
    from . import running, steps

    api_port, page_port = api_port or 5100 + lesson.number, page_port or 8100 + lesson.number
    must_know_engines(lesson, engine)
    must_be_one(mine=mine, step=step)
    must_have_step(lesson, step)
    title = lesson.title
    if mine:
        lesson = own(lesson)
        title = f"{title}, in {shown(lesson.folder)}"
    must_be_free(lesson, api_port, page_port)
    if host:
        host = own_address() if host == FOUND else host
        must_be_own(host)
    out = console()

    def echo(who, line):
        out.print(f"[dim]{who:>5} |[/] {escape(line)}", soft_wrap=True)

    with contextlib.ExitStack() as parts:
        parts.enter_context(stopped_by_a_signal())
        if step is not None:
            title = f"{title}, after step {step}"
            lesson = parts.enter_context(steps.made(lesson, step))
        if workers and not lesson.has_workers:
            raise Trouble("This app has no folder deploy/, so it is one process. Workers come with lesson 5.")
        settings = {"FLASK_ASYNC_MODE": engine} if engine else {}
        tapped = parts.enter_context(on_the_wire(lesson, wire, out)) if wire else None
        with running.serve(lesson, api_port, page_port, settings, echo, workers, host=host, wire=tapped) as served:
            say_where(served, out, title, tapped)
            if workers:
                out.print(f"  Workers   {', '.join(map(str, served.api.workers))}, and nginx before them")
            out.print(f"  Notes     lessons/{lesson.name}/README.md")
            if lesson.try_first:
                text = with_ports(lesson.try_first, lesson, api_port, page_port)
                text = text.replace("localhost", host or "localhost")
                out.print(f"\n[bold]Try first.[/] {escape(text)}")
            if host:
                say_to_phones(served, out)
            if workers:
                out.print("\nType + and Enter for one more worker, - for one less. Ctrl-C stops it.\n")
                threading.Thread(target=obey, args=[served.api, out], daemon=True).start()
            else:
                out.print("\nCtrl-C stops it.\n")
            if served.page and not no_browser:
                open_page(served.page_url)
            while all(part.running for part in (served.api, served.page) if part):
                time.sleep(0.5)
        raise Trouble("The lesson stopped by itself; what it said last stands above.")


def on_the_wire(lesson, how, out):
    """The wire of a lesson: on a page at port 910N, or as lines in the terminal. Raises Trouble."""
    from .processes import is_free
    from .wire.wire import Wire

    if how == "text":
        return Wire(heard=lambda message: message.quiet or out.print(escape(str(message)), soft_wrap=True))
    port = 9100 + lesson.number
    if not is_free(port):
        raise Trouble(f"Port {port}, for the page of the wire, is taken. Show it here: --wire=text")
    return Wire(port)


def say_where(served, out, title, wire=None):
    out.print(f"\n[bold]{escape(title)}[/]")
    out.print(f"  The page  {served.page_url if served.page else 'is not there yet: step 1 brings it'}")
    out.print(f"  The API   {served.api_url}")
    if served.page:
        out.print(f"  Present   {served.page_url}/?present")
    if wire and wire.port:
        out.print(f"  The wire  http://localhost:{wire.port}")


def say_to_phones(served, out):
    """Print the address once more, for cameras, and what it opens."""
    import segno

    out.print(f"\n{OPEN}\n")
    segno.make(served.page_url or served.api_url, micro=False).terminal(compact=True)


def with_ports(text, lesson, api_port, page_port):
    """A text of the notes, with the ports of this run where it names the usual ones, 510N and 810N."""
    ports = {str(5100 + lesson.number): str(api_port), str(8100 + lesson.number): str(page_port)}
    return re.sub(rf"\b({'|'.join(ports)})\b", lambda found: ports[found[0]], text)


def obey(fleet, out):
    """Let workers come and go, as somebody types + and -."""
    for line in sys.stdin:
        try:
            if line.strip() == "+":
                out.print(f"[bold]Worker {fleet.add()} has come.[/]")
            elif line.strip() == "-" and len(fleet.alive) > 1:
                port = fleet.alive[0]
                out.print(f"[bold]Worker {port} leaves: whoever is there goes to another.[/]")
                fleet.send_away(port)
                out.print(f"[bold]Worker {port} has left.[/]")
            else:
                out.print("Type + or -, and Enter. The last worker stays.")
        except Trouble as error:
            out.print(f"[bold]{escape(str(error))}[/]")


@main.command()
@click.argument("lessons", type=LessonNumber(), metavar="[N]...", nargs=-1)
@click.option("--engine", type=click.Choice(ENGINES), help="Serve the lessons by this one only.")
@click.option("--browser/--no-browser", default=True, help="With or without the tests in a real browser.")
@click.option("--all", "everything", is_flag=True, help="The long ones too, and all engines.")
@click.option("--slow", is_flag=True, help="All of them, and repetitions at full size.")
@click.option("--mine", is_flag=True, help="On your own copies in my/: the steps and the contract, or one step.")
@after_a_step
def test(lessons, engine, browser, everything, slow, mine, step):
    """Run the tests: of everything, or of the lessons named. The long ones are left out unless you ask for them."""
    from . import steps

    if step is not None:
        if len(lessons) != 1:
            raise Trouble("A step of which lesson? Name one: python3 -m course test 2 --step 1")
        must_have_step(lessons[0], step)
    how = ["--slow"] if slow else []
    how += ["--all"] if everything or slow else []
    how += [] if browser else ["--no-browser"]
    for lesson in lessons:
        must_know_engines(lesson, engine)
    if mine:
        if not lessons:
            raise Trouble("Which of yours? Name the lesson: python3 -m course test 1 --mine")
        against = {lesson: f"--against={own(lesson).folder}" for lesson in lessons}
        if step is not None:
            (lesson,) = lessons
            sys.exit(run_tests([], engine, [*how, against[lesson], str(catalogue.step_test(lesson, step))]))
        runs = [run_tests([lesson], engine, [*how, against[lesson]]) for lesson in lessons]
        sys.exit(next(filter(None, runs), 0))
    if step is not None:
        (lesson,) = lessons
        with stopped_by_a_signal(), steps.made(lesson, step) as app:
            files = [str(catalogue.step_test(lesson, k)) for k in lesson.steps if k <= step]
            sys.exit(run_tests([], engine, [*how, f"--against={app.folder}", *files]))
    codes = [run_tests(lessons, engine, how)]
    if "--all" in how and not engine:
        able = [lesson for lesson in lessons or catalogue.lessons().values() if lesson.has_engines]
        codes += [run_tests(able, other, how) for other in ENGINES[1:] if able]
    sys.exit(next(filter(None, codes), 0))


def run_tests(lessons, engine, options):
    """The exit code of pytest for these lessons, or for everything."""
    places = [str(lesson.folder.relative_to(ROOT)) for lesson in lessons]
    if not places and not any(option.endswith(".py") for option in options):
        places = ["lessons", "tests"]
    at_once = min((os.cpu_count() or 1) * 2, 8)  # for a test waits half of its time
    options = ["-n", str(at_once), "--dist", "worksteal", "-q", *options]
    options += ["--engine", engine] if engine else []
    rest = f"python3 -m course {' '.join(sys.argv[1:])} --all"
    return subprocess.call(
        [sys.executable, "-m", "pytest", *options, *places], cwd=ROOT, env={**os.environ, "COURSE_REST": rest}
    )


@main.command()
@click.argument("lesson", type=LessonNumber(), metavar="N")
@click.argument("file", required=False)
@click.option("--mine", is_flag=True, help="What your own copy in my/ still lacks.")
@click.option("--step", type=int, metavar="K", help="What step K changes, with the functions that it touches.")
def diff(lesson, file, mine, step):
    """Show what lesson N adds to the one before: the app, or one FILE of it (README.md, tests, ...)."""
    from . import diff as differ

    must_be_one(mine=mine, step=step)
    if step is not None:
        must_have_step(lesson, step)
        show_diff(patch_to_read(lesson, step, file))
        return
    copy = own(lesson) if mine else None
    lines = differ.diff(lesson, file, copy and copy.folder)
    if not lines:
        differs = f"has no {file} that differs" if file else "does not differ"
        raise Trouble(f"Lesson {lesson.number} {differs} from {'yours' if copy else 'the lesson before'}.")
    here, other = lesson.name, catalogue.before(lesson).name if lesson.number > 1 else "nothing"
    if copy:
        here, other = f"lessons/{lesson.name}", shown(copy.folder)
    show_diff([f"# + is what {here} has, - is what {other} has instead", *lines])


def patch_to_read(lesson, number, file=None):
    """A step's patch, its own words on top, the functions that it touches whole."""
    from . import diff, steps

    (step,) = [step for step in steps.steps(lesson) if step.number == number]
    old, new = steps.state(lesson, number - 1), steps.state(lesson, number)
    names = [name for name in step.files if file in (None, name)]
    if not names:
        raise Trouble(f"Step {number} of lesson {lesson.number} does not change {file}.")
    words = [f"Step {number}: {step.title}", "", *step.why.splitlines(), ""]
    return [*words, *(line for name in names for line in diff.whole_functions(name, old.get(name), new.get(name)))]


def show_diff(lines):
    """Print a diff, in colours and by pages where somebody reads it."""
    text = "\n".join(lines) + "\n"
    if not sys.stdout.isatty():
        click.echo(text, nl=False)
        return
    from pygments import formatters, highlight, lexers

    os.environ.setdefault("LESS", "FRX")
    click.echo_via_pager(highlight(text, lexers.DiffLexer(), formatters.Terminal256Formatter()), color=True)


@main.command()
@click.argument("lesson", type=LessonNumber(), metavar="N")
@click.option("--again", is_flag=True, help="Begin again; what you have is kept beside it, with the date.")
@click.option("--from", "step", type=int, metavar="K", help="With steps 1 to K already there.")
def start(lesson, again, step):
    """Begin a lesson N of your own. It is a copy of the lesson before, in my/, with lesson N's page."""
    from . import mine

    must_have_step(lesson, step)
    folder, aside = mine.start(lesson, again, step or 0)
    n, out = lesson.number, console()
    if aside:
        out.print(f"What you had is in {shown(aside)} now.")
    before = f"lesson {n - 1}'s app" if n > 1 else "a bare app with routes and no CORS"
    if step:
        before = f"lesson {n}'s app after step {step}"
    out.print(f"[bold]{shown(folder)}[/] is yours: {before}, with lesson {n}'s page. Write lesson {n} there.\n")
    out.print(f"   python3 -m course check {n}           which step is next, and what it lacks")
    out.print(f"   python3 -m course check {n} --watch   the same, again each time you save")
    out.print(f"   python3 -m course hint {n}            a nudge; the next time a little more")
    out.print(f"   python3 -m course run {n} --mine      your app, live")
    out.print(f"\nRead along: lessons/{lesson.name}/README.md")


@main.command()
@click.argument("lesson", type=LessonNumber(), metavar="N")
@click.option("--watch", is_flag=True, help="Again each time you save, until Ctrl-C.")
def check(lesson, watch):
    """Say which step of your own lesson N is next. What it lacks is shown beside what was seen."""
    from . import check

    copy = own(lesson)
    with stopped_by_a_signal():
        if watch:
            check.watch(lesson, copy, console())
        sys.exit(0 if check.check(lesson, copy, console()) else 1)


@main.command()
@click.argument("lesson", type=LessonNumber(), metavar="N")
@click.option("--step", type=int, metavar="K", help="Of step K, not of the next one.")
@click.option("--apply", "take", is_flag=True, help="Write the step into your copy, beside what you wrote.")
def hint(lesson, step, take):
    """Give a hint for your next step. Each time one level more, up to the lines themselves."""
    from rich.markdown import Markdown

    from . import mine, steps

    n = lesson.number
    must_have_step(lesson, step)
    step = step or mine.next_step(lesson)
    if step is None:
        raise Trouble(f"All steps of yours are there. A hint for one of them: python3 -m course hint {n} --step 1")
    texts, title, read = steps.nudges(lesson)[step], lesson.steps[step], mine.progress(lesson)["hints"]
    last = len(texts) + 1
    level = last if take else min(read.get(title, 0) + 1, last)
    out, command = console(), f"python3 -m course hint {n} --step {step}"
    if take:
        files = mine.apply(lesson, step)
        out.print(f"Step {step} is in {escape(', '.join(files))} now. See it: python3 -m course check {n}")
    mine.note(lesson, hints={**read, title: level})
    if take:
        return
    if level == last:
        reads = f"# Hint {level} of {last}: + is what step {step} adds, - is what it takes away. To take it as it is:"
        show_diff([reads, f"#   {command} --apply", "", *patch_to_read(lesson, step)])
        return
    out.print(f"[bold]Step {step}: {escape(title)}[/], hint {level} of {last}\n")
    out.print(Markdown(texts[level - 1]))
    out.print(f"\n[dim]More: {command}[/]")


@main.command()
@click.argument("lesson", type=LessonNumber(), metavar="N")
@click.option("--repo", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write a Git repository.")
@click.option("--save", is_flag=True, help="Take the repository back into the lesson.")
def steps(lesson, repo, save):
    """List the steps of lesson N, or write them as a Git repository: a commit and a tag for each."""
    from rich.table import Table

    from . import history, steps

    if save and not repo:
        raise Trouble(f"From which repository? Name it: python3 -m course steps {lesson.number} --repo DIR --save")
    if save:
        later = history.save(lesson, repo)
        click.echo(f"Saved: lessons/{lesson.name}/steps, and the app that they leave.")
        for number, why in later.items():
            click.echo(f"Lesson {number} differs now. {why}")
        return
    if repo:
        history.write(lesson, repo)
        click.echo(
            f"Written: {repo}. Change it with Git; then: python3 -m course steps {lesson.number} --repo {repo} --save"
        )
        return
    table = Table("step", "", "Python", "files", box=None, padding=(0, 2, 0, 0))
    for step in steps.steps(lesson):
        table.add_row(str(step.number), escape(step.title), f"+{step.added} -{step.removed}", str(len(step.files)))
    console().print(table)


@main.command()
@click.argument("lesson", type=LessonNumber(), metavar="N")
@click.argument("name", required=False)
@click.option("--wire", is_flag=True, help="Show what goes to and fro meanwhile.")
def lab(lesson, name, wire):
    """List the mistakes of lesson N, or run one: the symptom, then the cure."""
    from rich.table import Table

    from . import labs

    found, out = labs.labs(lesson), console()
    if name is None:
        table = Table.grid(padding=(0, 2))
        for one in found.values():
            table.add_row(f"[bold]{one.name}[/]", escape(one.mistake))
        out.print(table)
        out.print(f"\nRun one: python3 -m course lab {lesson.number} {next(iter(found), 'NAME')}")
        return
    if name not in found:
        raise Trouble(f"Lesson {lesson.number} has no lab {name}; it has {', '.join(found)}.")
    one = found[name]
    out.print(f"[bold]{escape(one.title)}[/]\n")
    words = Table.grid(padding=(0, 2))
    for part in ("mistake", "symptom", "cure"):
        words.add_row(f"[bold]{part.title()}[/]", escape(getattr(one, part)))
    out.print(words)
    with stopped_by_a_signal():
        shows, seen = observed(one, "broken", wire, out)
        shows_still, seen_then = observed(one, "cured", wire, out)
    table = Table("broken", "cured")
    table.add_row(escape(seen), escape(seen_then))
    out.print("\nWhat a client sees:", table, sep="\n")
    out.print(f"Read it: lessons/{lesson.name}/labs/{name}.py")
    if not shows or shows_still:
        raise Trouble("This run did not show the mistake and its cure as it should; please report it.")


def observed(lab, variant, wire, out):
    """What a lab's symptom sees; with the wire, what goes to and fro is printed as it does."""
    from . import labs

    if not wire:
        return labs.observe(lab, variant)
    out.print(f"\n[bold]{variant.title()}[/]")
    with on_the_wire(lab.lesson, "text", out) as tapped:
        return labs.observe(lab, variant, tapped)


@main.command()
@click.argument("lesson", type=LessonNumber(), metavar="N")
def pictures(lesson):
    """Draw the pictures of lesson N's notes anew, from what goes over the wire."""
    from .processes import free_port
    from .testkit import browser
    from .wire import pictures as found
    from .wire.wire import Wire

    with stopped_by_a_signal(), browser() as chromium, Wire(free_port()) as wire:
        window = chromium.new_page()
        window.goto(f"http://localhost:{wire.port}")
        for script in found.scripts(lesson):
            found.draw(lesson, script, window)
            click.echo(f"{shown(script.with_suffix('.svg'))} is drawn.")


@main.command()
@click.argument("lesson", type=LessonNumber(), metavar="N")
@click.option("--auto", is_flag=True, help="Play it through, without waiting for Enter.")
@click.option("--wire", is_flag=True, help="Show what goes to and fro in each act, on a page.")
@at_its_places
def demo(lesson, auto, wire, api_port, page_port, no_browser):
    """Show lesson N to a room, act by act. Each has one sentence, and one thing to see."""
    from . import demo

    api_port, page_port = api_port or 5100 + lesson.number, page_port or 8100 + lesson.number
    must_be_free(lesson, api_port, page_port)
    story, out = demo.acts(lesson), console()
    with contextlib.ExitStack() as parts:
        parts.enter_context(stopped_by_a_signal())
        tapped = parts.enter_context(on_the_wire(lesson, "page", out)) if wire else None
        stage = parts.enter_context(demo.stage(lesson, api_port, page_port, tapped))
        say_where(stage.served, out, lesson.title, tapped)
        if not no_browser:
            open_page(stage.page)
        if tapped and not no_browser:
            open_page(f"http://localhost:{tapped.port}")
        if not auto:
            demo.wait_for_enter(out, "begins")
        demo.play(story, stage, out, auto, tapped and tapped.story.mark)


@main.command()
@click.argument("lesson", type=LessonNumber(), metavar="N")
def quiz(lesson):
    """Ask the quick questions of lesson N, and count the right answers."""
    from . import quiz

    quiz.play(lesson, console())


@main.command()
@click.argument("lesson", type=LessonNumber(), metavar="N")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=".", help="For bench.md, bench.svg.")
@click.option("--quick", is_flag=True, help="In half a minute, to try it: nothing to quote.")
def bench(lesson, out, quick):
    """Measure how far lesson N goes: on each engine, with several workers, and beside Node.js."""
    from . import bench

    must_have_workers(lesson)
    screen, wide, report = console(), console(bench.WIDTH), bench.Report(quick)
    screen.print(f"{escape(report.machine)}\n")
    wide.print(bench.line())
    with stopped_by_a_signal():
        for row in bench.measure(lesson, quick, report.notes.append):
            wide.print(bench.line(report.add(row)))
    screen.print()
    for verdict, sentence in report.aims():
        screen.print(f"[bold]{verdict}[/]: {escape(sentence)}")
    for note in report.remarks():
        screen.print(escape(note))
    out.mkdir(parents=True, exist_ok=True)
    for name, text in (("bench.md", report.markdown()), ("bench.svg", report.picture())):
        (out / name).write_text(text, encoding="utf-8")
        screen.print(f"Written: {escape(str(out / name))}", soft_wrap=True)


@main.command()
@click.argument("lesson", type=LessonNumber(), metavar="N")
@click.option("--learners", type=click.IntRange(1, 5000), default=300, help="How many; 300 unless told.")
@click.option("--url", help="Where the lesson runs, if not at http://localhost:510N.")
def swarm(lesson, learners, url):
    """Fill lesson N, which runs already, with simulated learners, until Ctrl-C."""
    from . import swarm

    must_have_workers(lesson)
    url = (url or f"http://localhost:{5100 + lesson.number}").rstrip("/")
    with stopped_by_a_signal():
        swarm.fill(url, learners, console())


@main.command()
@click.option("--report", is_flag=True, help="Plain text, to paste into an issue.")
def doctor(report):
    """Look at this machine: what it has, what is missing, and the cure."""
    from rich.table import Table

    from .doctor import examine

    if report:
        for finding in examine():
            click.echo(f"{finding.what}: {finding.found}" + ("" if finding.fine else f" (missing: {finding.cure})"))
        return
    table = Table("", "", "found", "needed for", box=None, padding=(0, 2, 0, 0))
    findings = list(examine())
    for finding in findings:
        state = "[green]ok[/]" if finding.fine else "[yellow]missing[/]"
        table.add_row(f"[bold]{finding.what}[/]", state, escape(finding.found), finding.purpose)
    console().print(table)
    for finding in findings:
        if not finding.fine:
            console().print(f"\n[bold]{finding.what}[/] {finding.cure}")


@contextlib.contextmanager
def stopped_by_a_signal():
    """Let Ctrl-C, SIGTERM or a closed terminal end the block, with everything in it cleaned up."""

    def stop(*_):
        raise KeyboardInterrupt

    for number in filter(None, [signal.SIGTERM, getattr(signal, "SIGHUP", None)]):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup asks to be left alone
            signal.signal(number, stop)
    try:
        yield
    except KeyboardInterrupt:
        stop_all()  # before it says so
        click.echo("\nStopped.")
        sys.exit(0)
    finally:
        stop_all()


def own(lesson):
    """The learner's copy of a lesson."""
    from . import mine

    return mine.copy_of(lesson)


def shown(path):
    from . import mine

    return mine.shown(path)


def must_know_engines(lesson, engine):
    if engine and not lesson.has_engines:
        first = catalogue.ENGINES_FROM
        raise Trouble(f"Lesson {lesson.number} runs on Flask's own server; engines come with lesson {first}.")


def must_have_step(lesson, step):
    if step is not None and step not in lesson.steps:
        raise Trouble(f"Lesson {lesson.number} has no step {step}; choose from 1 to {max(lesson.steps)}.")


def must_be_one(**options):
    """Two that name another app cannot be given together."""
    given = [f"--{name}" for name, value in options.items() if value not in (None, False)]
    if len(given) > 1:
        raise Trouble(f"{' and '.join(given)} name two different apps: choose one of them.")


def must_have_workers(lesson):
    if not lesson.has_workers:
        raise Trouble(f"Lesson {lesson.number} is one process for one class. Lecture halls come with lesson 5.")


def must_be_free(lesson, api_port, page_port):
    if api_port == page_port:
        raise Trouble("The API and the page need a port each: choose two different ones.")
    ports = {"--api-port": api_port, "--page-port": page_port}
    taken = [option for option, port in ports.items() if answers(port)]
    if not taken:
        return
    numbers = " and ".join(str(ports[option]) for option in taken)
    words = [word for word in sys.argv[1:] if word != "--"]  # no option may stand behind it
    for option in taken:
        ports[option] = port_instead(ports[option], ports.values())
        words = [*without_option(words, option), option, str(ports[option])]
    command = f"python3 -m course {' '.join(words)}"
    if len(taken) == 1:
        raise Trouble(f"Port {numbers} is taken by another program. Close it, or choose another: {command}")
    raise Trouble(f"Ports {numbers} are taken by other programs. Close them, or choose others: {command}")


def port_instead(taken, not_these):
    """A free port that is none of these: 100 above the taken one, or the next hundreds, and again from the lowest."""
    hundreds = [*range(taken + 100, 65536, 100), *range(1100 + taken % 100, taken, 100)]
    return next(port for port in hundreds if port not in not_these and is_free(port))


def without_option(words, option):
    """The words of a command without this option and its value, in both spellings: `--port 1` and `--port=1`."""
    left, kept = iter(words), []
    for word in left:
        if word == option:
            next(left)
        elif not word.startswith(f"{option}="):
            kept.append(word)
    return kept


def open_page(url):
    """Open it where there is a screen to open it on."""
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        import webbrowser

        webbrowser.open(url)

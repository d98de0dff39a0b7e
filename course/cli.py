"""The commands of `python3 -m course`."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import click

from . import catalogue
from .catalogue import ROOT
from .processes import Trouble

ENGINES = ["eventlet", "gevent", "threading"]  # the first is what a lesson runs on unless told


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
    out = console()
    out.print("[bold]Live Flask[/]: real-time web apps with Flask, lesson by lesson\n")
    for lesson in catalogue.lessons().values():
        out.print(f"[bold]{escape(lesson.title)}[/]")
        for number, title in lesson.steps.items():
            out.print(f"   {number}. {escape(title)}")
        out.print()
    out.print("What to type next:")
    out.print("   python3 -m course run 1     the first lesson, live in your browser")
    out.print("   python3 -m course lab 1     the mistakes everybody makes, and their cures")
    out.print("   python3 -m course test 1    every promise of the lesson, proved")
    out.print("   python3 -m course --help    all commands")


@main.command()
@click.argument("lesson", type=LessonNumber(), metavar="N")
@click.option("--engine", type=click.Choice(ENGINES), help="What serves the API, from lesson 3 on.")
@click.option("--workers", type=click.IntRange(1, 16), help="So many processes behind nginx, from lesson 5 on.")
@click.option("--api-port", type=click.IntRange(1, 65535), help="Instead of 510N.")
@click.option("--page-port", type=click.IntRange(1, 65535), help="Instead of 810N.")
@click.option("--no-browser", is_flag=True, help="Do not open the page.")
def run(lesson, engine, workers, api_port, page_port, no_browser):
    """Serve lesson N with everything it needs, until Ctrl-C."""
    from . import running

    api_port, page_port = api_port or 5100 + lesson.number, page_port or 8100 + lesson.number
    must_know_engines(lesson, engine)
    if workers and not lesson.has_workers:
        raise Trouble(f"Lesson {lesson.number} is one process. Workers come with lesson 5.")
    must_be_free(lesson, api_port, page_port)
    out = console()

    def echo(who, line):
        out.print(f"[dim]{who:>5} |[/] {escape(line)}", soft_wrap=True)

    with stopped_by_a_signal():
        settings = {"FLASK_ASYNC_MODE": engine} if engine else {}
        with running.serve(lesson, api_port, page_port, settings, echo, workers) as served:
            out.print(f"\n[bold]{escape(lesson.title)}[/]")
            out.print(f"  The page  {served.page_url}")
            out.print(f"  The API   {served.api_url}")
            out.print(f"  Notes     lessons/{lesson.name}/README.md")
            if lesson.try_first:
                out.print(f"\n[bold]Try first.[/] {escape(lesson.try_first)}")
            if workers:
                out.print(f"  Workers   {', '.join(map(str, served.api.workers))}, and nginx before them")
                out.print("\nType + and Enter for one more worker, - for one less. Ctrl-C stops it.\n")
                threading.Thread(target=obey, args=[served.api, out], daemon=True).start()
            else:
                out.print("\nCtrl-C stops it.\n")
            if not no_browser:
                open_page(served.page_url)
            while served.api.running and served.page.running:
                time.sleep(0.5)
        raise Trouble("The lesson stopped by itself; what it said last stands above.")


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
@click.option("--slow", is_flag=True, help="The long ones too: all engines, repetitions, full size.")
def test(lessons, engine, browser, slow):
    """Run the tests: of everything, or of the lessons named."""
    for lesson in lessons:
        must_know_engines(lesson, engine)
    codes = [run_tests(lessons, engine, browser, slow)]
    if slow and not engine:
        able = [lesson for lesson in lessons or catalogue.lessons().values() if lesson.has_engines]
        codes += [run_tests(able, other, browser, slow) for other in ENGINES[1:] if able]
    sys.exit(next(filter(None, codes), 0))


def run_tests(lessons, engine, browser, slow):
    """The exit code of pytest for these lessons, or for everything."""
    places = [str(lesson.folder.relative_to(ROOT)) for lesson in lessons] or ["lessons", "tests"]
    at_once = min((os.cpu_count() or 1) * 3 // 2, 8)  # for a test waits a third of its time
    options = ["-n", str(at_once), "--dist", "loadgroup", "-q"]
    options += ["--engine", engine] if engine else []
    options += [] if browser else ["--no-browser"]
    options += ["--slow"] if slow else []
    return subprocess.call([sys.executable, "-m", "pytest", *options, *places], cwd=ROOT)


@main.command()
@click.argument("lesson", type=LessonNumber(), metavar="N")
@click.argument("file", required=False)
def diff(lesson, file):
    """Show what lesson N adds to the one before: the app, or one FILE of it (README.md, tests, ...)."""
    from . import diff as differ

    lines = differ.diff(lesson, file)
    if not lines:
        raise Trouble(f"Lesson {lesson.number} has nothing of that name that differs: {file or 'the app'}.")
    other = catalogue.before(lesson).name if lesson.number > 1 else "nothing"
    text = "\n".join([f"# + is what {lesson.name} has, - is what {other} has instead", *lines]) + "\n"
    if not sys.stdout.isatty():
        click.echo(text, nl=False)
        return
    from pygments import formatters, highlight, lexers

    os.environ.setdefault("LESS", "FRX")
    click.echo_via_pager(highlight(text, lexers.DiffLexer(), formatters.Terminal256Formatter()), color=True)


@main.command()
@click.argument("lesson", type=LessonNumber(), metavar="N")
@click.argument("name", required=False)
def lab(lesson, name):
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
        shows, seen = labs.observe(one, "broken")
        shows_still, seen_then = labs.observe(one, "cured")
    table = Table("broken", "cured")
    table.add_row(escape(seen), escape(seen_then))
    out.print("\nWhat a client sees:", table, sep="\n")
    out.print(f"Read it: lessons/{lesson.name}/labs/{name}.py")
    if not shows or shows_still:
        raise Trouble("This run did not show the mistake and its cure as it should; please report it.")


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
    for note in report.notes:
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
        click.echo("\nStopped.")
        sys.exit(0)


def must_know_engines(lesson, engine):
    if engine and not lesson.has_engines:
        first = catalogue.ENGINES_FROM
        raise Trouble(f"Lesson {lesson.number} runs on Flask's own server; engines come with lesson {first}.")


def must_have_workers(lesson):
    if not lesson.has_workers:
        raise Trouble(f"Lesson {lesson.number} is one process for one class. Lecture halls come with lesson 5.")


def must_be_free(lesson, api_port, page_port):
    from .processes import answers

    if api_port == page_port:
        raise Trouble("The API and the page need a port each: choose two different ones.")
    for option, port in (("--api-port", api_port), ("--page-port", page_port)):
        if answers(port):
            other = f"python3 -m course run {lesson.number} {option} {port + 100}"
            raise Trouble(f"Port {port} is taken by another program. Close it, or choose another: {other}")


def open_page(url):
    """Open it where there is a screen to open it on."""
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        import webbrowser

        webbrowser.open(url)

"""The quick questions of a lesson, read from its notes, and the terminal in which they are asked."""

import re
from dataclasses import dataclass
from string import ascii_lowercase

from rich.markup import escape
from rich.table import Table
from rich.text import Text

ENTRY = re.compile(
    r"^(?P<number>\d+)\. (?P<text>.+(?:\n   (?! *- ).+)*)\n"
    r"(?P<options>(?:   - .+\n)+)\n"
    r"   <details><summary>Answer</summary>\n\n(?P<answered>(?:   .+\n)+)\n   </details>$",
    re.M,
)


@dataclass
class Question:
    """One question of the notes: the right one of its `options` is the `answer`, and `why` says more."""

    number: int
    text: str
    options: list[str]
    answer: str
    why: str

    @property
    def claims(self):
        """What the notes say of each option, for a test to compare with what it has seen."""
        return {option: option == self.answer for option in self.options}


def questions(lesson):
    """The questions under `## Quick questions`, by number."""
    section = re.search(r"^## Quick questions\n((?:(?!## ).*\n)*)", lesson.notes, re.M)
    found = [read(entry) for entry in ENTRY.finditer(section[1])] if section else []
    return {question.number: question for question in found}


def read(entry):
    """A question as it stands in the notes; its answer begins with the right option, word for word, and a full stop."""
    options = re.findall(r"^   - (.+)$", entry["options"], re.M)
    text, answered = (" ".join(entry[part].split()) for part in ("text", "answered"))
    answer = next((option for option in options if answered.startswith(f"{option}. ")), "")
    return Question(int(entry["number"]), text, options, answer, answered.removeprefix(f"{answer}. "))


def play(lesson, out):
    """Ask all questions, one after the other; Ctrl-C or the end of the input ends it early."""
    asked = questions(lesson).values()
    done = right = 0
    out.print(f"[bold]{escape(lesson.title)}[/]\n")
    out.print(f"{len(asked)} quick questions. Type a letter and Enter; Ctrl-C ends it.")
    try:
        for question in asked:
            right += ask(question, out)
            done += 1
    except (EOFError, KeyboardInterrupt):
        out.print(f"\n\nStopped. Right so far: {right} of {done}.")
    else:
        out.print(f"\n[bold]{right} of {done}[/]")


def ask(question, out):
    """Put one question until one of its letters is typed; returns whether that was right."""
    options = dict(zip(ascii_lowercase, question.options, strict=False))
    table = Table.grid(padding=(0, 1))
    table.add_row(f"{question.number}.", shown(question.text))
    table.add_row()
    for letter, option in options.items():
        table.add_row(letter, shown(option))
    out.print("", table, "", sep="\n")
    while (typed := out.input("Your answer: ").strip().lower()) not in options:
        out.print(f"\nType one of these letters: {', '.join(options)}.")
    right = options[typed] == question.answer
    verdict = "[green]Right.[/]" if right else "[yellow]Not quite.[/]"
    out.print("", verdict, shown(question.why if right else f"{question.answer}. {question.why}"), sep="\n")
    return right


def shown(text):
    """Text of the notes for the terminal: what stands between ` and ` is bold, and no sign in it is Rich's."""
    return Text.assemble(*((part, "bold" if n % 2 else "") for n, part in enumerate(text.split("`"))))

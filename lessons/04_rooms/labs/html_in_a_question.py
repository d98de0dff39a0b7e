"""HTML in a question.

Mistake   The page, or the server's template, builds HTML from a question: `<li>` + text + `</li>`.
Symptom   A script in a question runs in each reader's browser, with that reader's rights.
Cure      Use textContent in the page, and a template engine that escapes, as Jinja does for .html files.
"""

import httpx
from flask import Flask, render_template_string
from markupsafe import Markup

QUESTION = "<img src=x onerror=\"fetch('/withdraw-all')\">"


def app(show):
    app = Flask(__name__)

    @app.get("/")
    def page():
        return show(QUESTION)

    return app


def broken():
    return app(lambda text: render_template_string("<li>{{ text }}</li>", text=Markup(text)))  # Markup is not escaped


def cured():
    return app(lambda text: render_template_string("<li>{{ text }}</li>", text=text))


def symptom(server):
    page = httpx.get(server.url).text
    runs = "<img" in page
    return runs, f"The browser gets {page}: {'an image whose error runs a script' if runs else 'a text'}."

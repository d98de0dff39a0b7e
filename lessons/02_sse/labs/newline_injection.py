"""A question that forges an event.

Mistake   A view writes an event by hand: f"data: {text}".
Symptom   A line break in the text ends the event, and the browser reads the rest as the next event.
Cure      Write one data line for each line of the text, as stream.encode does.
"""

import httpx
from flask import Flask, request
from httpx_sse import connect_sse

from .. import stream


def by_hand(seq, type, text):
    return f"id: {seq}\nevent: {type}\ndata: {text}\n\n"


def app(encode):
    app = Flask(__name__)

    @app.get("/stream")
    def one_question():
        return encode(1, "question_asked", request.args["text"]), {"Content-Type": "text/event-stream"}

    return app


def broken():
    return app(by_hand)


def cured():
    return app(stream.encode)


def symptom(server):
    text = 'Why?\n\nevent: question_withdrawn\ndata: {"id": 1}'  # Mallory's question
    with httpx.Client() as bob, connect_sse(bob, "GET", f"{server.url}/stream", params={"text": text}) as stream:
        seen = [event.event for event in stream.iter_sse()]
    return "question_withdrawn" in seen, f"Mallory asks one question. Bob's page sees: {', '.join(seen)}."

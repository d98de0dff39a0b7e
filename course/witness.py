"""What a failed test has seen, as sentences: the last answers over HTTP, and what the browsers complained about.

It listens to httpx where requests leave, and so knows every answer, and what came of a stream that goes on.
"""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import pytest

from .processes import bound

COMPLAINTS = pytest.StashKey()  # where a test keeps what its browsers complained about
MOST = 200  # characters of one value


@dataclass
class Exchange:
    """A request, and what came of its answer until now; `status` is None while there is none."""

    method: str
    url: str
    status: int | None = None
    type: str = ""
    body: bytearray = field(default_factory=bytearray)

    @property
    def is_stream(self):
        return self.type.startswith("text/event-stream") or urlsplit(self.url).path == "/stream"

    def __str__(self):
        asked = f"{self.method} {urlsplit(self.url).path or '/'}"
        if self.status is None:
            return f"{asked} was not answered"
        answered = f"{asked} answered {self.status}"
        text = self.body.decode("utf-8", "replace")
        if not self.is_stream:
            return f"{answered}: {short(text.strip())}" if text.strip() else answered
        if not text:
            return f"{answered}, {self.type or 'without a Content-Type'}, and then nothing came"
        end = "" if text.endswith(("\n\n", "\r\r", "\r\n\r\n")) else ", and no empty line after it"
        return f"{answered}, {self.type or 'without a Content-Type'}; the last that came is {text[-MOST:]!r}{end}"


class Recorded(httpx.SyncByteStream):
    """The body of an answer, kept while somebody reads it."""

    def __init__(self, stream, exchange):
        self.stream, self.exchange = stream, exchange

    def __iter__(self):
        for chunk in self.stream:
            self.exchange.body += chunk
            yield chunk

    def close(self):
        self.stream.close()


class Witness:
    """Keeps the exchanges of the test that runs: `begin` forgets those of the one before."""

    def __init__(self):
        self.exchanges = []
        send = httpx.HTTPTransport.handle_request

        def recorded(transport, request):
            exchange = Exchange(request.method, str(request.url))
            for what, seconds in request.extensions["timeout"].items():
                request.extensions["timeout"][what] = seconds and bound(seconds)
            self.exchanges.append(exchange)
            answer = send(transport, request)
            exchange.status, exchange.type = answer.status_code, answer.headers.get("Content-Type", "")
            answer.stream = Recorded(answer.stream, exchange)
            return answer

        httpx.HTTPTransport.handle_request = recorded

    def begin(self):
        self.exchanges.clear()

    @property
    def waits(self):
        """Whether a request has not been answered at all."""
        return any(each.status is None for each in self.exchanges)

    def sentences(self, item, always=False):
        """What belongs to what was seen: the last answer if it is a refusal, or `always`, and the browsers' words."""
        streams = [each for each in self.exchanges if each.is_stream]
        last = (streams if always and streams else self.exchanges)[-1:]
        said = [str(each) for each in last if always or each.status is None or each.status >= 400]
        said += item.stash.get(COMPLAINTS, [])
        return [short(line, 2 * MOST) for line in dict.fromkeys(said)][:4]


def short(text, most=MOST):
    return text if len(text) <= most else text[:most] + "…"

"""What the headers of HTTP mean, each with its standard and its step of the notes; and what nobody else should see."""

import re

FETCH, HTTP = "https://fetch.spec.whatwg.org/", "https://www.rfc-editor.org/rfc/rfc9110"
COOKIES, SOCKETS = "https://www.rfc-editor.org/rfc/rfc6265", "https://www.rfc-editor.org/rfc/rfc6455"
EVENTS = "https://html.spec.whatwg.org/multipage/server-sent-events.html"
HEADERS = {
    "access-control-allow-credentials": (
        "The page may read the answer to a request with cookies.",
        FETCH,
        "lesson 1, step 4",
    ),
    "access-control-allow-headers": ("The page may send these headers.", FETCH, "lesson 1, step 3"),
    "access-control-allow-methods": ("The page may use these methods.", FETCH, "lesson 1, step 3"),
    "access-control-allow-origin": ("Pages of this origin may read the answer.", FETCH, "lesson 1, step 2"),
    "access-control-expose-headers": ("The page may read these headers, too.", FETCH, "lesson 1, step 5"),
    "access-control-max-age": ("The browser need not ask again for so many seconds.", FETCH, "lesson 1, step 3"),
    "access-control-request-headers": ("The browser asks: may the page send these headers?", FETCH, "lesson 1, step 3"),
    "access-control-request-method": ("The browser asks: may the page use this method?", FETCH, "lesson 1, step 3"),
    "authorization": ("Who sends this: a token in place of a cookie.", f"{HTTP}#section-11.6.2", "lesson 4, step 5"),
    "cache-control": (
        "Whether the answer may be stored, and for how long.",
        "https://www.rfc-editor.org/rfc/rfc9111",
        "lesson 2, step 11",
    ),
    "connection": (
        "Whether the connection stays open, or becomes something else.",
        f"{HTTP}#section-7.6.1",
        "lesson 3, step 1",
    ),
    "content-type": ("What the body is.", f"{HTTP}#section-8.3", ""),
    "cookie": ("What the server once stored in this browser.", COOKIES, "lesson 1, step 4"),
    "host": ("The host and port that the client wants.", f"{HTTP}#section-7.2", ""),
    "last-event-id": (
        "The number of the last event that this reader has: replay what came after.",
        EVENTS,
        "lesson 2, step 6",
    ),
    "location": ("Where the new resource is.", f"{HTTP}#section-10.2.2", "lesson 1, step 5"),
    "origin": ("The origin of the page that sends this: scheme, host and port.", FETCH, "lesson 1, step 1"),
    "retry-after": ("Try again after so many seconds.", f"{HTTP}#section-10.2.3", "lesson 4, step 17"),
    "sec-websocket-accept": ("The server understood the handshake: a hash of the key.", SOCKETS, ""),
    "sec-websocket-extensions": ("Extensions such as compression.", SOCKETS, ""),
    "sec-websocket-key": ("A random number: the answer must fit it.", SOCKETS, ""),
    "set-cookie": ("The browser should store this, and send it back.", COOKIES, "lesson 1, step 4"),
    "upgrade": ("From here on this connection speaks another protocol.", f"{HTTP}#section-7.8", "lesson 3, step 1"),
    "vary": ("The answer differs with these headers of the request.", f"{HTTP}#section-12.5.5", "lesson 1, step 2"),
    "x-accel-buffering": (
        "nginx should hand this on at once.",
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html",
    ),
    "x-total-count": ("How many questions there are in all.", "", "lesson 1, step 5"),
    "x-worker": ("The worker that answered.", "", "lesson 5, step 1"),
}
MASK = "•••"
SECRETS = [
    re.compile(rb"(?im)^((?:cookie|authorization|proxy-authorization): )([^\r\n]+)"),
    re.compile(rb"(?im)^(set-cookie: [^=;\r\n]+=)([^;\r\n]+)"),
    re.compile(rb'(?i)("(?:password|token|code|sid|csrf_token)"\s*:\s*")((?:[^"\\]|\\.)*)'),
    re.compile(rb'(?i)(name="csrf_token"[^>]*value=")([^"]+)'),
    re.compile(rb"(?is)(\bAUTH\r\n)(.+)"),  # to Redis
    re.compile(rb"(?i)\b((?:sid|csrf_token|password|token|code)=)([^&\s;\"]+)"),
]


def masked(data):
    """Bytes without passwords, cookies, tokens, codes and the ids of sessions."""
    for secret in SECRETS:
        data = secret.sub(rb"\1" + MASK.encode(), data)
    return data


def hidden(text):
    """The same for a text."""
    return masked(text.encode()).decode(errors="replace")


def plain(text):
    """A text in which nothing steers a terminal."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)

"""What a browser decides by the Fetch standard, https://fetch.spec.whatwg.org/#http-cors-protocol."""

SIMPLE = {"GET", "HEAD", "POST"}  # methods for which nobody need be asked
SAFE = {"accept", "accept-language", "content-language", "range"}


def listed(value):
    return {each.strip().lower() for each in value.split(",") if each.strip()}


def why_origin(origin, headers):
    """Why an answer does not allow an origin; empty if it does."""
    allowed = headers.get("access-control-allow-origin")
    if allowed is None:
        return "no Access-Control-Allow-Origin"
    if allowed not in {"*", origin}:
        return f"Access-Control-Allow-Origin is {allowed}"
    return ""


def verdict(asked, status, headers):
    """Why a preflight is refused; empty if it is allowed. `asked` and `headers` are those of request and answer."""
    if why := why_origin(asked.get("origin"), headers):
        return why
    if not 200 <= status < 300:
        return f"its status is {status}, and must be 2xx"
    method, methods = asked["access-control-request-method"], listed(headers.get("access-control-allow-methods", ""))
    if method not in SIMPLE and not {method.lower(), "*"} & methods:
        return f"Access-Control-Allow-Methods lacks {method}"
    wanted = listed(asked.get("access-control-request-headers", "")) - SAFE
    allowed = listed(headers.get("access-control-allow-headers", ""))
    missing = wanted - allowed if "*" not in allowed else wanted & {"authorization"} - allowed
    return f"Access-Control-Allow-Headers lacks {', '.join(sorted(missing))}" if missing else ""


def why_hidden(asked, headers):
    """Why a browser hides an answer from the page that asked; empty if it does not, or if no browser asked."""
    origin = asked.get("origin")
    if origin is None or asked.get("sec-fetch-mode") != "cors":
        return ""
    if why := why_origin(origin, headers):
        return why
    if "cookie" in asked and headers.get("access-control-allow-credentials") != "true":
        return "it had cookies, and Access-Control-Allow-Credentials is not true"
    return ""

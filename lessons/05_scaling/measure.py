"""What this worker measures of itself: how many it serves, how much it sends, how long it takes, what it weighs."""

import statistics
import time
from collections import deque

import psutil

process = psutil.Process()
delays = deque(maxlen=500)  # seconds from an event in the log to its sending, for the last of them
sent = 0  # packets to sockets, since the start


def count_packet():
    global sent
    sent += 1


def count_delay(event):
    """An event of the log is being sent now."""
    delays.append(time.time() - event.at)


def numbers(engine, clients, streams):
    """What /hall shows: counts, bytes, and seconds."""
    ordered = sorted(delays)
    return {
        "engine": engine,
        "clients": clients,
        "streams": streams,
        "sent": sent,
        "memory": process.memory_info().rss,
        "median": statistics.median(ordered) if ordered else None,
        "slowest": ordered[int(len(ordered) * 0.99)] if ordered else None,  # the 99th percentile
    }

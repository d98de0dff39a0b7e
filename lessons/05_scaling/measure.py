"""What this worker measures of itself: clients, events sent, delay, and memory."""

import statistics
import time
from collections import deque

import psutil

process = psutil.Process()
delays = deque(maxlen=500)  # seconds from an event's commit to its sending, for the latest events
sent = 0  # packets to sockets, since the start


def count_packet():
    global sent
    sent += 1


def count_delay(event):
    """Note that an event of the log is sent now."""
    delays.append(time.time() - event.at)


def numbers(engine, clients, streams):
    """The numbers that /hall shows: counts, bytes, and seconds."""
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

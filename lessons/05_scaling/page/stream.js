// Listens to a channel of the API, and reconnects. EventSource does so when a connection breaks, this file does so when
// EventSource gives up. Both send the number of the last event they saw, and receive the events they missed.
import { API_URL } from "./config.js";

const PAUSE = 3000; // milliseconds until the next try

/**
 * Calls `handlers[type](data)` for each event after number `last`. Without a number, it starts with the next event, and
 * first calls `handlers.reset()`, which must load what happened before. `show(state)` is called when the connection's
 * state may have changed.
 */
export function listen(channel, handlers, last, show = () => {}) {
  let source, timer;

  function open() {
    stop(); // never two at once: a browser opens at most six connections to a host, for all its windows together
    const query = new URLSearchParams(last === undefined ? { channel } : { channel, last_event_id: last });
    source = new EventSource(`${API_URL}/stream?${query}`, { withCredentials: true });
    source.onopen = () => {
      show("live");
      if (last === undefined) handlers.reset();
    };
    source.onerror = () => {
      const gone = source.readyState === EventSource.CLOSED; // for good: the answer was not a stream, but maybe a 502
      if (gone) timer = setTimeout(open, PAUSE);
      show(gone || !navigator.onLine ? "offline" : "reconnecting");
    };
    for (const type of Object.keys(handlers)) {
      source.addEventListener(type, (event) => {
        last = event.lastEventId;
        handlers[type](JSON.parse(event.data));
      });
    }
  }

  function stop() {
    clearTimeout(timer);
    source?.close();
  }

  function close() {
    stop();
    for (const change of ["online", "offline"]) removeEventListener(change, open);
  }

  /** Connect again without a number. */
  function reopen() {
    last = undefined;
    open();
  }

  // The network has changed. Only a new connection shows whether the API can still be reached.
  for (const change of ["online", "offline"]) addEventListener(change, open);
  open();
  return { reopen, close };
}

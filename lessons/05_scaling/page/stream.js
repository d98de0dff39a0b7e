// Listens to a channel of the API, and stays with it. EventSource comes back by itself when a connection breaks, this
// file when EventSource gives up. Both name the number of the last event they saw, and are told what they missed.
import { API_URL } from "./config.js";

const PAUSE = 3000; // milliseconds until the next try

/**
 * Calls `handlers[type](data)` for each event after number `last`. Without a number it is each event from now on, and
 * `handlers.reset()` at the start: what happened before has to be loaded. `show(state)` is called whenever that may be new.
 */
export function listen(channel, handlers, last, show = () => {}) {
  let source, timer;

  function open() {
    stop(); // never two at once: a browser has six connections to a host, for all its windows together
    const query = new URLSearchParams(last === undefined ? { channel } : { channel, last_event_id: last });
    source = new EventSource(`${API_URL}/stream?${query}`, { withCredentials: true });
    source.onopen = () => {
      show("live");
      if (last === undefined) handlers.reset();
    };
    source.onerror = () => {
      const gone = source.readyState === EventSource.CLOSED; // for ever: the answer was no stream, but a 502, say
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

  /** Begin again without a number. */
  function reopen() {
    last = undefined;
    open();
  }

  // The network has changed: whether the API can still be reached, only a new connection tells.
  for (const change of ["online", "offline"]) addEventListener(change, open);
  open();
  return { reopen, close };
}

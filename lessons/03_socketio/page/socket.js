// One Socket.IO connection: it hears what happens to the board, counts it, asks for what it missed, and does what the
// person wants, with an acknowledgement. While there is no connection, what the person wants goes over HTTP.
import * as api from "./api.js";
import { API_URL } from "./config.js";
import { listen } from "./stream.js";

const PATIENCE = 3000; // milliseconds until an acknowledgement is given up, or a connection tried again
const WAKING = 2000; // the same when the page is shown again: a phone that slept may hold a dead connection
const HAPPENS = ["question_asked", "question_changed", "question_withdrawn"];
const onWaking = (action) => document.addEventListener("visibilitychange", () => document.hidden || action());
const names = { polling: "long polling", websocket: "WebSocket" };

let board; // the namespace /board, once there is one
let introduced = Promise.resolve(); // kept when the API knows this browser

/** The namespace /jobs, on the same connection; undefined while there is none. */
export let jobs;

/**
 * Stay connected, and call `handlers[type](data)` for each event of the board, once and in order; `handlers.reset()` when the
 * list has to be loaded again. `show(state)` says whether it is live; `handlers.wire({transport, online})` by what, and how many
 * are here, in words.
 */
export async function connect(handlers, show, attempt = 0) {
  const client = `${API_URL}/client/socket.io.esm.min.js?${attempt}`; // from the API, so that both fit together
  let io;
  let last; // the number of the last event; undefined until the server has said where it is
  let newest = 0; // of which it has been told
  let asking = false;

  try {
    introduced = api.introduce(); // first, for a socket brings cookies but can set none
    await introduced;
    if ((await fetch(client, { method: "HEAD" })).ok) ({ io } = await import(client));
  } catch (problem) {
    show("reconnecting");
    handlers.wire({ transport: `no connection: ${problem.message}` });
    setTimeout(connect, PATIENCE, handlers, show, attempt + 1);
    return;
  }
  if (!io) {
    handlers.wire({ transport: "event stream and HTTP, for the API has no Socket.IO client: npm ci brings it", way: "stream" });
    onWaking(listen("board", handlers, undefined, show).reopen);
    return;
  }

  board = io(`${API_URL}/board`, {
    withCredentials: true,
    auth: (give) => give(last === undefined ? {} : { after: last }),
    reconnectionDelay: 500,
    reconnectionDelayMax: PATIENCE,
  });
  jobs = board.io.socket("/jobs");

  function begin(seq) {
    last = seq;
    handlers.reset();
  }

  function hear(type, data) {
    if (data.seq === undefined) return handlers[type](data); // an API that does not number its events yet
    newest = Math.max(newest, data.seq);
    if (data.seq === last + 1) {
      last = data.seq;
      handlers[type](data);
    } else if (data.seq > last) catchUp(); // there is a gap; and what has been heard already is heard no second time
  }

  async function catchUp(patience = PATIENCE) {
    if (asking) return;
    asking = true;
    const { engine } = board.io;
    const before = last;
    try {
      const missed = await board.timeout(patience).emitWithAck("catch_up", { after: before });
      if (missed.reset && last === before) begin(missed.seq);
      for (const { type, data } of missed.events ?? []) hear(type, data);
    } catch {
      // no acknowledgement: the next heartbeat shows the gap again
      if (patience === WAKING) engine.close(); // or, on a dead connection, the next one does
    }
    asking = false;
    if (before < last && last < newest) catchUp(); // something was told meanwhile
  }

  for (const type of HAPPENS) board.on(type, (data) => hear(type, data));
  board.on("heartbeat", ({ seq }) => {
    if (last === undefined) begin(seq);
    else if (seq > last) catchUp();
  });
  board.on("reset", ({ seq }) => begin(seq));
  board.on("online", ({ count }) => handlers.wire({ online: `${count} here` }));

  board.once("connect", () => {
    if (last === undefined) handlers.reset(); // no heartbeat came before it: an API without numbers
  });
  const transport = () => handlers.wire({ transport: names[board.io.engine.transport.name], way: "socket" });
  board.on("connect", () => {
    show("live");
    transport();
    board.io.engine.once("upgrade", transport);
  });
  const gone = () => {
    show(navigator.onLine ? "reconnecting" : "offline");
    handlers.wire({ transport: "", online: "" });
    if (!board.active) setTimeout(() => board.connect(), PATIENCE); // the server said no; it may think better of it
  };
  board.on("disconnect", gone);
  board.on("connect_error", ({ message }) => {
    gone();
    const why = message || `${API_URL} refused it and gave no reason. Perhaps it has no namespace ${board.nsp}.`;
    handlers.wire({ transport: `no connection: ${why}` });
  });
  onWaking(() => {
    if (last === undefined) handlers.reset(); // an API without numbers
    else if (board.connected) catchUp(WAKING);
  });
  addEventListener("offline", () => board.io.engine.close()); // else it would take until the next ping to notice
}

const overHttp = {
  ask: ({ text, author, key }) => api.ask(text, author, key),
  vote: ({ id }) => api.vote(id),
  unvote: ({ id }) => api.unvote(id),
  change: ({ id, ...fields }) => api.change(id, fields),
  withdraw: ({ id }) => api.withdraw(id),
};

/** Do a verb of the board: gives the question as it is then, and in words how that went; raises api.Problem. */
export async function act(verb, data) {
  const start = performance.now();
  await introduced.catch(() => {}); // two requests without a cookie would be two browsers
  const ack = await ackOf(board, verb, data);
  if (!ack) return [await overHttp[verb](data), "Sent over HTTP."];
  if (ack.error) throw new api.Problem(ack.error);
  return [ack.question, `Acknowledged after ${Math.ceil(performance.now() - start)} ms.`];
}

/** The acknowledgement of an event; undefined if there is no connection, or it does not come. */
export async function ackOf(namespace, type, ...data) {
  if (!namespace?.connected) return;
  try {
    return await namespace.timeout(PATIENCE).emitWithAck(type, ...data);
  } catch {
    // it may have arrived, and only the acknowledgement is lost: so whoever sends it again sends it so that this does no harm
  }
}

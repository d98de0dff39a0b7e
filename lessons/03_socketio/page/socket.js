// One Socket.IO connection. It receives the board's events, counts them, asks for those it missed, and sends the user's
// actions, which the server acknowledges. While there is no connection, the actions go over HTTP.
import * as api from "./api.js";
import { API_URL } from "./config.js";
import { listen } from "./stream.js";

const PATIENCE = 3000; // milliseconds to wait for an acknowledgement, or before connecting again
const WAKING = 2000; // the same after the page is shown again: the connection of a phone that slept may be dead
const HAPPENS = ["question_asked", "question_changed", "question_withdrawn"];
const onWaking = (action) => document.addEventListener("visibilitychange", () => document.hidden || action());
const names = { polling: "long polling", websocket: "WebSocket" };

let board; // the namespace /board, once there is one
let introduced = Promise.resolve(); // resolves when the API knows this browser

/** The namespace /jobs, on the same connection; undefined while there is none. */
export let jobs;

/**
 * Stay connected, and call `handlers[type](data)` for each event of the board, once and in order. Call
 * `handlers.reset()` when the list must be loaded again, `show(state)` when the connection's state changes, and
 * `handlers.wire({transport, online})` with the transport and the number of people online, as text.
 */
export async function connect(handlers, show, attempt = 0) {
  const client = `${API_URL}/client/socket.io.esm.min.js?${attempt}`; // from the API, so that it fits the server
  let io;
  let last; // the number of the last event seen; undefined until the server sends a number
  let newest = 0; // the highest number received so far
  let asking = false;

  try {
    introduced = api.introduce(); // first: a socket sends cookies but cannot set them
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
    if (data.seq === undefined) return handlers[type](data); // this API does not number its events yet
    newest = Math.max(newest, data.seq);
    if (data.seq === last + 1) {
      last = data.seq;
      handlers[type](data);
    } else if (data.seq > last) catchUp(); // there is a gap; an event with a lower number is a repeat
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
      if (patience === WAKING) engine.close(); // the connection may be dead; a new one catches up
    }
    asking = false;
    if (before < last && last < newest) catchUp(); // new events arrived meanwhile
  }

  for (const type of HAPPENS) board.on(type, (data) => hear(type, data));
  board.on("heartbeat", ({ seq }) => {
    if (last === undefined) begin(seq);
    else if (seq > last) catchUp();
  });
  board.on("reset", ({ seq }) => begin(seq));
  board.on("online", ({ count }) => handlers.wire({ online: `${count} here` }));

  board.once("connect", () => {
    if (last === undefined) handlers.reset(); // no heartbeat came first: this API has no numbers
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
    if (!board.active) setTimeout(() => board.connect(), PATIENCE); // the server refused; it may accept later
  };
  board.on("disconnect", gone);
  board.on("connect_error", ({ message }) => {
    gone();
    const why = message || `${API_URL} refused it and gave no reason. Perhaps it has no namespace ${board.nsp}.`;
    handlers.wire({ transport: `no connection: ${why}` });
  });
  onWaking(() => {
    if (last === undefined) handlers.reset(); // this API has no numbers
    else if (board.connected) catchUp(WAKING);
  });
  addEventListener("offline", () => board.io.engine.close()); // else the client would notice only at the next ping
}

const overHttp = {
  ask: ({ text, author, key }) => api.ask(text, author, key),
  vote: ({ id }) => api.vote(id),
  unvote: ({ id }) => api.unvote(id),
  change: ({ id, ...fields }) => api.change(id, fields),
  withdraw: ({ id }) => api.withdraw(id),
};

/** Send an action. Returns the question after it, and a sentence on how it was sent; throws api.Problem. */
export async function act(verb, data) {
  const start = performance.now();
  await introduced.catch(() => {}); // without a cookie, two requests would count as two browsers
  const ack = await ackOf(board, verb, data);
  if (!ack) return [await overHttp[verb](data), "Sent over HTTP."];
  if (ack.error) throw new api.Problem(ack.error);
  return [ack.question, `Acknowledged after ${Math.ceil(performance.now() - start)} ms.`];
}

/** Send an event and return its acknowledgement: undefined without a connection, or if none comes in time. */
export async function ackOf(namespace, type, ...data) {
  if (!namespace?.connected) return;
  try {
    return await namespace.timeout(PATIENCE).emitWithAck(type, ...data);
  } catch {
    // the event may have arrived although its acknowledgement is lost, so sending it again must do no harm
  }
}

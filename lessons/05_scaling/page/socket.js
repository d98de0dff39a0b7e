// One Socket.IO connection: it hears what happens in one room, counts it, asks for what it missed, and does what the
// person wants, with an acknowledgement. While there is no connection, what the person wants goes over HTTP.
import * as api from "./api.js";
import { API_URL } from "./config.js";
import { listen } from "./stream.js";

const PATIENCE = 3000; // milliseconds until an acknowledgement is given up, or a connection tried again
const WAKING = 2000; // the same when the page is shown again: a phone that slept may hold a dead connection
const HAPPENS = ["question_asked", "question_changed", "question_withdrawn"];
const LOBBY = "lobby";
const onWaking = (action) => document.addEventListener("visibilitychange", () => document.hidden || action());
const names = { polling: "long polling", websocket: "WebSocket" };

let handlers, show; // what to call: see connect
let board; // the namespace /board, once there is one
let introduced = Promise.resolve(); // kept when the API knows this browser
let stream; // the event stream, where there is no Socket.IO
let room = LOBBY; // in which this page is
let entered; // the room in which the server has put it
let last; // the number of the last event in it; undefined until the server has said where it is
let newest = 0; // of which this page has been told
let asking = false;

/** The namespace /jobs, on the same connection; undefined while there is none. */
export let jobs;

/**
 * Stay connected, and call `handlers[type](data)` for each event of the room, once and in order; `handlers.reset({all, total})`
 * when the list begins again, with its questions if the server sent them. `show(state)` says whether it is live;
 * `handlers.wire({transport, online})` by what, and how many are here, in words; `handlers.refused(why, was)` that this room
 * is not ours, or, if it was, no longer.
 */
export async function connect(events, state, attempt = 0) {
  const client = `${API_URL}/client/socket.io.esm.min.js?${attempt}`; // from the API, so that both fit together
  let io;
  [handlers, show] = [events, state];

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
    openStream();
    onWaking(openStream);
    return;
  }

  board = io(`${API_URL}/board`, {
    withCredentials: true,
    auth(give) {
      entered = room;
      give(last === undefined ? { room } : { room, after: last });
    },
    reconnectionDelay: 500,
    reconnectionDelayMax: PATIENCE,
    timeout: 45000, // a worker that says nothing is left by nginx after 40 s; who gives up before is led to it again
  });
  jobs = board.io.socket("/jobs");

  for (const type of HAPPENS) board.on(type, (data) => isHere(data) && hear(type, data));
  board.on("heartbeat", (heartbeat) => {
    if (!isHere(heartbeat)) return;
    if (last === undefined) begin(heartbeat.seq);
    else if (heartbeat.seq > last) catchUp();
  });
  board.on("reset", (reset) => isHere(reset) && begin(reset.seq));
  board.on("presence", (names) => isHere(names) && handlers.presence(names));
  board.on("closed", (closed) => isHere(closed) && handlers.refused(`The room ${closed.room} was closed by its teacher.`));
  board.on("whisper", (whisper) => handlers.whisper(whisper));
  board.on("online", ({ count, worker }) => {
    handlers.wire({ online: `${count} here`, worker: worker ? `served by ${worker}` : "" });
  });
  board.on("announcement", (announcement) => handlers.announcement(announcement));

  const transport = () => handlers.wire({ transport: names[board.io.engine.transport.name], way: "socket" });
  board.on("connect", () => {
    show("live");
    transport();
    board.io.engine.once("upgrade", transport);
    if (entered !== room) enter();
  });
  const gone = () => {
    show(navigator.onLine ? "reconnecting" : "offline");
    handlers.wire({ transport: "", online: "", worker: "" });
  };
  board.on("disconnect", gone);
  board.on("connect_error", ({ message }) => {
    gone();
    const why = message || `${API_URL} refused it and gave no reason. Perhaps it has no namespace ${board.nsp}.`;
    handlers.wire({ transport: `no connection: ${why}` });
    if (board.active) return; // it tries again by itself
    if (room !== LOBBY) handlers.refused(why, last !== undefined);
    else setTimeout(() => board.connect(), PATIENCE); // the server said no; it may think better of it
  });
  onWaking(() => board.connected && catchUp(WAKING));
  addEventListener("offline", () => board.io.engine.close()); // else it would take until the next ping to notice
}

/** Go to another room; what is told of the one before is not heard any more. */
export function move(name) {
  room = name;
  [last, newest] = [undefined, 0];
  if (stream) openStream();
  if (board?.connected) enter(); // else it is there when it has connected
  else if (board?.active === false) board.connect(); // the room before was refused
}

async function enter() {
  const name = room;
  board.emit("leave", { room: entered });
  entered = name;
  const ack = await ackOf(board, "enter", { room: name });
  if (room !== name) return; // the person has gone on
  if (!ack) renew();
  else if (ack.error) handlers.refused(ack.error);
  else {
    begin(ack.seq, { all: ack.questions, total: ack.total });
    handlers.presence(ack);
  }
}

/** Connect again: who has signed in or out is somebody else to the server. */
export function renew() {
  if (stream) openStream();
  for (const namespace of [board, jobs]) namespace?.disconnect();
  for (const namespace of [board, jobs]) namespace?.connect();
}

function openStream() {
  stream?.close();
  stream = listen(room === LOBBY ? "board" : `room:${room}`, handlers, undefined, show);
}

function isHere(data) {
  return (data.room ?? LOBBY) === room;
}

function begin(seq, list) {
  last = seq;
  handlers.reset(list);
  if (last < newest) catchUp();
}

function hear(type, data) {
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
  const [where, before] = [room, last];
  try {
    const missed = await board.timeout(patience).emitWithAck("catch_up", { room, after: before });
    if (where === room) {
      if (missed.reset && last === before) begin(missed.seq);
      for (const { type, data } of missed.events ?? []) hear(type, data);
    }
  } catch {
    // no acknowledgement: the next heartbeat shows the gap again
    if (patience === WAKING) engine.close(); // or, on a dead connection, the next one does
  }
  asking = false;
  if (last < newest && (before < last || where !== room)) catchUp(); // something was told meanwhile
}

const overHttp = {
  ask: ({ text, author, key, room }) => api.ask(text, author, key, room),
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

/** Say something to one person; raises api.Problem, for there is no other way than the socket. */
export async function whisper(to, text) {
  const ack = await ackOf(board, "whisper", { to, text });
  if (!ack) throw new api.Problem("There is no connection, so nobody hears a whisper. Try again in a moment.");
  if (ack.error) throw new api.Problem(ack.error);
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

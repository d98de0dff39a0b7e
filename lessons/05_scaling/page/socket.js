// One Socket.IO connection. It receives one room's events, counts them, asks for those it missed, and sends the user's
// actions, which the server acknowledges. While there is no connection, the actions go over HTTP.
import * as api from "./api.js";
import { API_URL } from "./config.js";
import { listen } from "./stream.js";

const PATIENCE = 3000; // milliseconds to wait for an acknowledgement, or before connecting again
const WAKING = 2000; // the same after the page is shown again: the connection of a phone that slept may be dead
const HAPPENS = ["question_asked", "question_changed", "question_withdrawn"];
const LOBBY = "lobby";
const onWaking = (action) => document.addEventListener("visibilitychange", () => document.hidden || action());
const names = { polling: "long polling", websocket: "WebSocket" };

let handlers, show; // the functions to call: see connect
let board; // the namespace /board, once there is one
let identified = Promise.resolve(); // resolves when the API knows who this is
let stream; // the event stream, if the API has no Socket.IO client
let room = LOBBY; // the room of this page
let entered; // the room that the server has put this page in
let last; // the number of the last event seen in it; undefined until the server sends a number
let newest = 0; // the highest number received so far
let asking = false;

/** The namespace /jobs, on the same connection; undefined while there is none. */
export let jobs;

/**
 * Stay connected, and call `handlers[type](data)` for each event of the room, once and in order. Call
 * `handlers.reset({all, total})` when the list starts again, with its questions if the server sent them; `show(state)`
 * when the connection's state changes; `handlers.wire({transport, online})` with the transport and the number of people
 * online, as text; `handlers.refused(why, was)` when the server refuses the room. `was`: this page was in it before.
 */
export async function connect(events, state, attempt = 0) {
  const client = `${API_URL}/client/socket.io.esm.min.js?${attempt}`; // from the API, so that it fits the server
  let io;
  [handlers, show] = [events, state];

  try {
    await identify(api.introduce); // first: a socket sends cookies but cannot set them
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
    timeout: 45000, // nginx leaves a silent worker after 40 s; a client that gives up earlier is sent to it again
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
    if (board.active) return; // the client reconnects by itself
    if (room !== LOBBY) handlers.refused(why, last !== undefined);
    else setTimeout(() => board.connect(), PATIENCE); // the server refused; it may accept later
  });
  onWaking(() => board.connected && catchUp(WAKING));
  addEventListener("offline", () => board.io.engine.close()); // else the client would notice only at the next ping
}

/** Go to another room. Events of the old room are ignored from now on. */
export function move(name) {
  room = name;
  [last, newest] = [undefined, 0];
  if (stream) openStream();
  if (board?.connected) enter(); // else the page enters it when it connects
  else if (board?.active === false) board.connect(); // the server refused the connection to the old room
}

async function enter() {
  const name = room;
  board.emit("leave", { room: entered });
  entered = name;
  const ack = await ackOf(board, "enter", { room: name });
  if (room !== name) return; // the user is in another room by now
  if (!ack) renew();
  else if (ack.error) handlers.refused(ack.error);
  else {
    begin(ack.seq, { all: ack.questions, total: ack.total });
    handlers.presence(ack);
  }
}

/** Connect again: after signing in or out, the user is somebody else to the server. */
export function renew() {
  if (stream) openStream();
  for (const namespace of [board, jobs]) namespace?.disconnect();
  for (const namespace of [board, jobs]) namespace?.connect();
}

/** Send the request that decides who this is: no other one at the same time, and no verb until its answer is here. */
export function identify(request) {
  identified = identified.catch(() => {}).then(request);
  return identified;
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
  } else if (data.seq > last) catchUp(); // there is a gap; an event with a lower number is a repeat
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
    if (patience === WAKING) engine.close(); // the connection may be dead; a new one catches up
  }
  asking = false;
  if (last < newest && (before < last || where !== room)) catchUp(); // new events arrived meanwhile
}

const overHttp = {
  ask: ({ text, author, key, room }) => api.ask(text, author, key, room),
  vote: ({ id }) => api.vote(id),
  unvote: ({ id }) => api.unvote(id),
  change: ({ id, ...fields }) => api.change(id, fields),
  withdraw: ({ id }) => api.withdraw(id),
};

/** Send an action. Returns the question after it, and a sentence on how it was sent; throws api.Problem. */
export async function act(verb, data) {
  const start = performance.now();
  await identified.catch(() => {}); // or the same request could be sent twice, by two identities
  const ack = await ackOf(board, verb, data);
  if (!ack) return [await overHttp[verb](data), "Sent over HTTP."];
  if (ack.error) throw new api.Problem(ack.error);
  return [ack.question, `Acknowledged after ${Math.ceil(performance.now() - start)} ms.`];
}

/** Send a text to one person. Throws api.Problem without a connection: whispers go only over the socket. */
export async function whisper(to, text) {
  const ack = await ackOf(board, "whisper", { to, text });
  if (!ack) throw new api.Problem("There is no connection, so nobody hears a whisper. Try again in a moment.");
  if (ack.error) throw new api.Problem(ack.error);
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

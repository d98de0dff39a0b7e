// Sends requests to the API on its other origin, and describes every failure in one sentence.
import { API_URL } from "./config.js";

/** An error to show to the user. `status` is the HTTP status, if the API answered. */
export class Problem extends Error {
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

const NOT_YET = "This API cannot do that yet: a later step of the lesson adds it.";

/** Whether the API answers this path with 404: then the preflight failed because the path does not exist. */
async function isMissing(path) {
  const answer = await fetch(API_URL + path, { credentials: "include" }).catch(() => null);
  return answer?.status === 404;
}

let ahead = 0; // milliseconds by which the API's clock is ahead of the browser's

/** The time on the API's clock, once an answer has shown it: the browser's clock may be hours wrong. */
export const now = () => Date.now() + ahead;

async function call(method, path, body) {
  const options = { method, credentials: "include" }; // without this, the browser sends no cookie
  if (body) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  let response, text, data;
  try {
    response = await fetch(API_URL + path, options);
    text = await response.text();
    ahead = Date.parse(response.headers.get("Date")) - Date.now() || ahead;
  } catch {
    if (method !== "GET" && (await isMissing(path))) throw new Problem(NOT_YET, 501);
    // Nothing listens there, or CORS forbids it. A script cannot tell which; else any page could map your network.
    throw new Problem(
      `The API at ${API_URL} did not answer, or the browser hid its answer from this page. ` +
        "Is it running? The browser's console (F12) says which.",
    );
  }
  try {
    data = text ? JSON.parse(text) : null; // a 204 answer has no body
  } catch {
    throw new Problem(`${API_URL} answered (status ${response.status}), but not in JSON. Is that the board's API?`);
  }
  if (response.status === 405 || data?.error === "There is nothing at this address.") throw new Problem(NOT_YET, 501);
  if (!response.ok) throw new Problem(data?.error ?? "The API refused, and did not say why.", response.status);
  return { data, headers: response.headers };
}

const inRoom = (path, room) => `${path}?${new URLSearchParams({ room })}`;

/** All questions of a room, and the API's total: null if it does not expose X-Total-Count to this page. */
export async function list(room) {
  const { data, headers } = await call("GET", inRoom("/api/questions", room));
  return { all: data, total: headers.get("X-Total-Count") };
}

/** Get this browser an id, in a cookie, if it has none. */
export const introduce = () => call("PUT", "/api/browser");

// Each returns the question after the change; withdraw returns null. Asking again with the same key adds nothing.
export const ask = async (text, author, key, room) =>
  (await call("POST", inRoom("/api/questions", room), { text, author, key })).data;
export const vote = async (id) => (await call("PUT", `/api/questions/${id}/vote`)).data;
export const unvote = async (id) => (await call("DELETE", `/api/questions/${id}/vote`)).data;
export const change = async (id, fields) => (await call("PATCH", `/api/questions/${id}`, fields)).data;
export const withdraw = async (id) => (await call("DELETE", `/api/questions/${id}`)).data;

// Returns the job that was started.
export const startExport = async (room) => (await call("POST", inRoom("/api/exports", room))).data;

// Who is signed in: {name, teacher, rooms: [{name, teacher, code}]}. Guests have name null, learners code null.
export const me = async () => (await call("GET", "/api/me")).data;
export const login = async (name, password) => (await call("POST", "/api/login", { name, password })).data;
export const logout = () => call("POST", "/api/logout");

const roomPath = (name) => `/api/rooms/${encodeURIComponent(name.trim())}`;
export const openRoom = (name, code) => call("POST", "/api/rooms", { name, code });
export const join = (name, code) => call("POST", `${roomPath(name)}/members`, { code });
export const remove = (name, person) => call("DELETE", `${roomPath(name)}/members/${encodeURIComponent(person)}`);
export const closeRoom = (name) => call("DELETE", roomPath(name));

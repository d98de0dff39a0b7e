// Sends requests to the API on its other origin, and describes every failure in one sentence.
import { API_URL } from "./config.js";

/** An error to show to the user. `status` is the HTTP status, if the API answered. */
export class Problem extends Error {
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
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
  if (!response.ok) throw new Problem(data?.error ?? "The API refused, and did not say why.", response.status);
  return { data, headers: response.headers };
}

/** All questions, and the API's total: null if it does not expose X-Total-Count to this page. */
export async function list() {
  const { data, headers } = await call("GET", "/api/questions");
  return { all: data, total: headers.get("X-Total-Count") };
}

// Each returns the question after the change; withdraw returns null.
export const ask = async (text, author) => (await call("POST", "/api/questions", { text, author })).data;
export const vote = async (id) => (await call("PUT", `/api/questions/${id}/vote`)).data;
export const unvote = async (id) => (await call("DELETE", `/api/questions/${id}/vote`)).data;
export const change = async (id, fields) => (await call("PATCH", `/api/questions/${id}`, fields)).data;
export const withdraw = async (id) => (await call("DELETE", `/api/questions/${id}`)).data;

// Returns the job that was started.
export const startExport = async () => (await call("POST", "/api/exports")).data;

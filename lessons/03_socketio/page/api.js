// Talks to the API on its other origin, and turns every way this can fail into one sentence.
import { API_URL } from "./config.js";

/** What to tell the person; `status` is there when the API itself said so. */
export class Problem extends Error {
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

let ahead = 0; // milliseconds that the API's clock is ahead of this one

/** What time it is by the API's clock, as soon as it has told: this one may be hours wrong. */
export const now = () => Date.now() + ahead;

async function call(method, path, body) {
  const options = { method, credentials: "include" }; // or the cookie stays at home, and the API knows nobody
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
    // Nobody listens there, or CORS forbids it: a script may not know which, or any page could map your network.
    throw new Problem(
      `The API at ${API_URL} did not answer, or the browser hid its answer from this page. ` +
        "Is it running? The browser's console (F12) says which.",
    );
  }
  try {
    data = text ? JSON.parse(text) : null; // 204 has no text
  } catch {
    throw new Problem(`${API_URL} answered (status ${response.status}), but not in JSON. Is that the board's API?`);
  }
  if (!response.ok) throw new Problem(data?.error ?? "The API refused, and did not say why.", response.status);
  return { data, headers: response.headers };
}

/** All questions, and how many the API counted: null if it does not expose X-Total-Count to this page. */
export async function list() {
  const { data, headers } = await call("GET", "/api/questions");
  return { all: data, total: headers.get("X-Total-Count") };
}

/** Make this browser known, by a cookie, if it is not. */
export const introduce = () => call("PUT", "/api/browser");

// Each answers with the question as it stands now; withdraw with null. A question asked again with its key is one.
export const ask = async (text, author, key) => (await call("POST", "/api/questions", { text, author, key })).data;
export const vote = async (id) => (await call("PUT", `/api/questions/${id}/vote`)).data;
export const unvote = async (id) => (await call("DELETE", `/api/questions/${id}/vote`)).data;
export const change = async (id, fields) => (await call("PATCH", `/api/questions/${id}`, fields)).data;
export const withdraw = async (id) => (await call("DELETE", `/api/questions/${id}`)).data;

// Answers with the job that now runs.
export const startExport = async () => (await call("POST", "/api/exports")).data;

// Holds the list of questions. Each verb is sent to the API, then its answer is put on the list.
// The API sends an event for each change by others; it is put on the list too.
import * as api from "./api.js";
import { API_URL } from "./config.js";
import { close, complain, draw, flash, open, present, remove, say } from "./draw.js";
import { exportQuestions } from "./jobs.js";
import { follow, people, recognise, room, wasAsked } from "./rooms.js";
import { act, connect } from "./socket.js";

const LONGEST = 280;
const askForm = document.querySelector("#ask");
const bar = document.querySelector("#bar");
const connection = document.querySelector("#connection");
const exportButton = document.querySelector("#export");
const list = document.querySelector("#questions");

const questions = new Map(); // by id
let more; // how many questions are not on the list: undefined until it is loaded, null if X-Total-Count is hidden
let loaded = Promise.resolve(); // resolves when the last requested list is loaded
const windows = new BroadcastChannel("board"); // this browser's other windows: `mine` and `voted` are the same in all
let sent = {}; // the last question without an answer, with its key: the API stores it once, even if it is sent twice

/** Load the list. Events that arrive meanwhile wait for it: an older list would undo them. */
function load(sent) {
  loaded = loaded.then(() => reload(sent)).then(
    () => bar.querySelector("#problem") && say(), // the list is loaded: remove the old error
    (problem) => {
      complain(bar, problem.message);
      setTimeout(load, 3000);
    },
  );
  return loaded;
}

async function reload(sent) {
  const { name } = room();
  const answer = sent ?? (await api.list(name));
  if (name !== room().name) return; // the user is in another room by now; its list is loaded next
  more = answer.total === null ? null : answer.total - answer.all.length;
  questions.clear();
  for (const question of answer.all) questions.set(question.id, question);
  redraw();
}

function put(question) {
  questions.set(question.id, question);
  redraw();
}

function drop(id) {
  questions.delete(id);
  redraw();
}

function redraw() {
  if (more === undefined) return; // there is no list yet
  draw([...questions.values()].sort((a, b) => a.answered - b.answered || b.votes - a.votes || a.id - b.id), more, room().teacher);
}

/** Put the API's answer on the list, in all windows of this browser. */
function take(answer, before, where = room().name) {
  windows.postMessage({ answer, where, isNew: before === undefined });
  return know(answer, before, where);
}
windows.addEventListener("message", ({ data }) => know(data.answer, data.isNew ? undefined : null, data.where));

/**
 * Put an answer on this window's list, if the question there is still as it was `before` (undefined for a new one).
 * Otherwise an event has changed it and may be newer: then take only `mine` and `voted`.
 */
async function know(answer, before, where) {
  await loaded;
  if (where !== room().name) return;
  const now = questions.get(answer.id);
  if (now === before) put(answer);
  else if (now) put({ ...now, mine: answer.mine, voted: answer.voted });
}

/** Put a broadcast question on the list. A broadcast has no `mine` and `voted`: they stay as they are. */
async function hear({ question, room: where = "lobby" }, isNew = false) {
  await loaded;
  if (where !== room().name) return;
  if (more === undefined) return; // no list is loaded yet; when it is, it contains this question
  if (!isNew && more && !questions.has(question.id)) more -= 1; // it was counted as missing, and is now on the list
  put({ mine: false, voted: false, ...questions.get(question.id), ...question });
  flash(question.id, wire.way);
}

// What to do for each type of event. An event carries the whole question, so receiving it twice does no harm.
const handlers = {
  question_asked: (event) => hear(event, true),
  question_changed: hear,
  async question_withdrawn({ id }) {
    await loaded;
    if (questions.has(id)) drop(id);
  },
  reset: load,
  announcement({ text }) {
    document.querySelector("#announcement").textContent = text;
  },
  ...people,
  wire(news) {
    Object.assign(wire, news);
    document.querySelector("#wire").textContent = [wire.transport, wire.online, wire.worker].filter(Boolean).join(", ");
  },
};

const wire = {}; // this page's transport, how many people are online, and the worker that serves this page
const words = { live: "live", reconnecting: "reconnecting …", offline: "offline" };

const alertBox = document.querySelector("#problem");
const since = document.querySelector("#since");
let alarm; // the timer that warns after two seconds without a connection
let unanswered; // the error shown when the API last did not answer

function show(state) {
  if (state === connection.dataset.state) return; // nothing has changed
  if (state === "live") recognise().catch(() => {}); // if this fails, other requests fail too, and show it
  connection.dataset.state = state;
  connection.textContent = words[state];
  if (state === "live") {
    clearTimeout(alarm);
    alarm = undefined;
    since.textContent = "";
    if (alertBox.textContent === unanswered) alertBox.textContent = ""; // the API answers again
  } else alarm ??= setTimeout(warn, 2000, new Date().toLocaleTimeString("en-GB", { timeStyle: "short" }));
  if (state !== "live" && more === undefined) load(); // perhaps only the stream fails; if not, load() shows why
}

function warn(time) {
  if (more !== undefined) since.textContent = `No connection since ${time}. What you see may be old.`;
}

// What each button of a question does, by its data-verb. A sentence that it returns is shown as news.
const verbs = {
  async vote({ question }) {
    const { id, voted } = question;
    const [answer, how] = await act(voted ? "unvote" : "vote", { id });
    take(answer, question);
    return `${voted ? "Vote taken back." : "Voted."} ${how}`;
  },
  async mark({ question }) {
    const { id, answered } = question;
    const [answer, how] = await act("change", { id, answered: !answered });
    take(answer, question);
    return `${answered ? "Marked as open." : "Marked as answered."} ${how}`;
  },
  edit(item) {
    const textarea = open(item, "edit").querySelector("textarea");
    textarea.value = item.question.text;
    showLength(textarea);
  },
  async save(item) {
    const { question } = item;
    const text = checked(item.querySelector("textarea").value);
    const [answer, how] = await act("change", { id: question.id, text });
    take(answer, question);
    close(item);
    return `Saved. ${how}`;
  },
  withdraw(item) {
    open(item, "withdraw");
  },
  async confirm(item) {
    const { id } = item.question;
    const [, how] = await act("withdraw", { id });
    remove(item);
    drop(id);
    return `Withdrawn. ${how}`;
  },
  close,
};

async function ask() {
  const { text, author } = askForm.elements;
  const draft = text.value;
  const where = room().name;
  if (sent.text !== draft || sent.room !== where)
    sent = { room: where, text: checked(draft), key: crypto.getRandomValues(new Uint32Array(4)).join("-") };
  const [question, how] = await act("ask", { ...sent, author: author.value });
  sent = {};
  wasAsked(where, draft);
  showLength(text);
  if (more === undefined) await load(); // the API did not answer when this page opened
  else await take(question, undefined, where);
  present(question.id);
  return `Asked. ${how}`;
}

/** Run the action, unless it is still running. Show the news it returns, or the problem it throws. */
async function attempt(button, place, action) {
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true"; // not disabled: that would remove the focus
  try {
    say(await action());
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem; // a bug in this code: the console shows where
    if (problem.status === undefined) unanswered = problem.message;
    if (problem.status === 404) await load();
    complain(place.isConnected ? place : bar, problem.message); // the question may be gone
  } finally {
    button.ariaBusy = "false";
  }
}

/** The number of characters, as Python's len() counts. JavaScript's length counts most emoji twice. */
const lengthOf = (text) => [...text.trim()].length;

function checked(text) {
  const length = lengthOf(text);
  if (length === 0) throw new api.Problem("Write a question first.");
  if (length > LONGEST) throw new api.Problem(`A question has ${LONGEST} characters at most; this one has ${length}.`);
  return text;
}

function showLength(textarea) {
  const count = textarea.parentElement.querySelector(".count");
  const left = LONGEST - lengthOf(textarea.value);
  count.textContent = `${LONGEST - left} / ${LONGEST}` + (left < 0 ? `: ${-left} too many` : "");
  count.classList.toggle("near", left <= 30);
  textarea.ariaInvalid = left < 0;
}

/** Open the whole form. Until it has the focus it is one line, so that the first screen shows questions. */
function unfold() {
  askForm.className = "";
}

askForm.addEventListener("focusin", unfold);
askForm.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(askForm.querySelector("button"), askForm, ask);
});
askForm.querySelector("button").addEventListener("click", (event) => {
  if (event.detail > 1) event.preventDefault(); // a double click: the API may have answered its first click
});
exportButton.addEventListener("click", () => attempt(exportButton, bar, () => exportQuestions(room().name)));
list.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-verb]");
  const item = target.closest("li");
  if (button) attempt(button, item, () => verbs[button.dataset.verb](item));
});
document.addEventListener("input", ({ target }) => target.matches("textarea") && showLength(target));
document.addEventListener("keydown", (event) => {
  const box = event.target.closest(".panel, #ask");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) box?.querySelector(".main")?.click();
  if (event.key === "Escape" && !event.isComposing) box?.querySelector("[data-verb=close]")?.click();
});

const { text, author } = askForm.elements;
try {
  author.value = localStorage.getItem("name");
  author.addEventListener("change", () => localStorage.setItem("name", author.value));
} catch {
  // the browser's settings forbid storage, so the page asks for the name again
}
document.querySelector("#page-origin").textContent = location.origin;
document.querySelector("#api-origin").textContent = API_URL;
document.querySelector("#csv").href = `${API_URL}/export/questions.csv`;
addEventListener("pageshow", () => {
  showLength(text);
  if (text.value) unfold(); // the browser has restored a draft
});

follow(redraw, () => {
  more = undefined; // forget the old room's list
  questions.clear();
  list.replaceChildren();
  document.querySelector("#loading").hidden = false;
});
connect(handlers, show);

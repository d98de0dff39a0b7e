// Holds the list of questions. Each verb sends a request to the API, then puts the answer on the list.
import * as api from "./api.js";
import { API_URL } from "./config.js";
import { close, complain, draw, flash, open, present, remove, say } from "./draw.js";

const LONGEST = 280;
const askForm = document.querySelector("#ask");
const bar = document.querySelector("#bar");
const list = document.querySelector("#questions");
const refresh = document.querySelector("#refresh");

const questions = new Map(); // by id
let more; // how many questions are not on the list: undefined until it is loaded, null if X-Total-Count is hidden

async function reload() {
  const answer = await api.list();
  more = answer.total === null ? null : answer.total - answer.all.length;
  questions.clear();
  for (const question of answer.all) questions.set(question.id, question);
  redraw();
}

function put(question) {
  questions.set(question.id, question);
  redraw();
  flash(question.id, "http");
}

function drop(id) {
  questions.delete(id);
  redraw();
}

function redraw() {
  draw([...questions.values()].sort((a, b) => a.answered - b.answered || b.votes - a.votes || a.id - b.id), more);
}

// What each button of a question does, by its data-verb. A sentence that it returns is shown as news.
const verbs = {
  async vote({ question: { id, voted } }) {
    put(voted ? await api.unvote(id) : await api.vote(id));
    return voted ? "Vote taken back." : "Voted.";
  },
  async mark({ question: { id, answered } }) {
    put(await api.change(id, { answered: !answered }));
    return answered ? "Marked as open." : "Marked as answered.";
  },
  edit(item) {
    const textarea = open(item, "edit").querySelector("textarea");
    textarea.value = item.question.text;
    showLength(textarea);
  },
  async save(item) {
    put(await api.change(item.question.id, { text: checked(item.querySelector("textarea").value) }));
    close(item);
    return "Saved.";
  },
  withdraw(item) {
    open(item, "withdraw");
  },
  async confirm(item) {
    const { id } = item.question;
    await api.withdraw(id);
    remove(item);
    drop(id);
    return "Withdrawn.";
  },
  close,
};

async function ask() {
  const { text, author } = askForm.elements;
  const draft = text.value;
  const question = await api.ask(checked(draft), author.value);
  if (text.value === draft) text.value = ""; // unless the user is already writing the next one
  showLength(text);
  if (more === undefined) await reload(); // the API did not answer when this page opened
  else put(question);
  present(question.id);
  return "Asked.";
}

/** Run the action, unless it is still running. Show the news it returns, or the problem it throws. */
async function attempt(button, place, action) {
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true"; // not disabled: that would remove the focus
  try {
    say(await action());
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem; // a bug in this code: the console shows where
    const gone = problem.status === 404;
    if (gone) await reload().catch(() => {});
    complain(gone ? bar : place, problem.message);
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
refresh.addEventListener("click", () => attempt(refresh, bar, () => reload().then(() => "Up to date.")));
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
attempt(refresh, bar, reload);

// Draws the questions it is given, the small forms inside them, and the messages; of the API it knows only the time.
import { now } from "./api.js";

const $ = (selector, inside = document) => inside.querySelector(selector);
const clone = (template) => $(template).content.firstElementChild.cloneNode(true);
const alert = $("#problem"); // by this name even when it left the page with the item it stood in
const plural = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

const list = $("#questions");
let wanted = []; // the items in their order, as they will stand there when nobody reads them
let waiting = false; // whether they stand otherwise until then
let pointing = false; // whether somebody points at the list
let leaving; // a moment after the pointer has left it

/** Show these questions in this order. Items stay and move, so that a half-written edit outlives it. */
export function draw(questions, more, teacher) {
  wanted = questions.map((question) => drawQuestion(question, teacher));
  $("#title").textContent = more === null ? "Questions" : plural(questions.length + more, "question");
  $("#uncounted").hidden = more !== null;
  $("#more").hidden = !more;
  $("#more").textContent = `You see ${questions.length} of them: those with the most votes, and what is new.`;
  $("#empty").hidden = questions.length > 0;
  $("#loading").hidden = true;
  if (isPresented() && document.startViewTransition) slide();
  else arrange();
}

/** Let what moves slide to its new place. */
function slide() {
  for (const item of wanted) item.style.viewTransitionName = item.id;
  document.startViewTransition(() => arrange()).ready.catch(() => {}); // the next one may come before it has begun
}

/** Whether somebody points at the list, stands in it or reads below its top: then nothing in it may move. */
const isRead = () =>
  !isPresented() && (pointing || list.getBoundingClientRect().top < 0 || $(":focus-visible", list) !== null);
const isPresented = () => document.body.classList.contains("presenting"); // to a class: see present.js

/** Put the items in their order. While somebody reads them, what is new comes last, and what is gone leaves a gap. */
function arrange(held = isRead()) {
  const focused = document.activeElement;
  const staying = new Set(wanted);
  const gone = [...list.children].filter((item) => !staying.has(item));
  for (const item of gone) if (held) item.inert = true; else item.remove();
  const items = held ? [...new Set([...list.children, ...wanted])] : wanted;
  items.forEach((item, place) => {
    if (item !== list.children[place]) list.insertBefore(item, list.children[place] ?? null);
  });
  const differs = items.filter((item) => staying.has(item)).some((item, place) => item !== wanted[place]);
  $("#reorder").hidden = !differs;
  waiting = differs || (held && gone.length > 0);

  // Moving an element takes the focus from it; whoever stood on a question that is gone, stands on the heading.
  const next = focused.isConnected && !focused.closest("[inert]") ? focused : $("#title");
  if (next !== document.activeElement) next.focus({ preventScroll: true });
}

const settle = () => waiting && arrange();
list.addEventListener("focusout", () => setTimeout(settle)); // by then it is known where the focus goes
addEventListener("scroll", settle, { passive: true });
list.addEventListener("pointerenter", () => {
  clearTimeout(leaving);
  pointing = true;
});
list.addEventListener("pointerleave", () => {
  clearTimeout(leaving);
  leaving = setTimeout(() => {
    pointing = false;
    settle();
  }, 300); // the click of a finger comes after it has left
});
$("#reorder").addEventListener("click", () => {
  arrange(false);
  $("#title").focus();
});
$("#skip").addEventListener("click", () => $("#title").focus());

function drawQuestion(question, teacher) {
  const item = $(`#question-${question.id}`) ?? clone("#question");
  $(".own", item).hidden = !(question.mine || teacher);
  if (question.mine) $("details", item).open = true; // a teacher opens it on a question of somebody else
  item.inert = false;
  if (item.question === question) return item; // nothing new, and what the reader has selected stays so
  item.question = question;
  item.id = `question-${question.id}`;
  $(".text", item).textContent = question.text; // never innerHTML: a question is text, whatever it looks like
  $(".author", item).textContent = question.author || "Anonymous";
  $(".person", item).hidden = !question.signed_in; // a guest may type any name
  $(".votes", item).textContent = question.votes;
  $(".vote", item).ariaPressed = question.voted;
  $(".vote", item).title = plural(question.votes, "vote");
  $(".badge", item).hidden = !question.answered;
  item.classList.toggle("answered", question.answered);
  item.classList.toggle("mine", question.mine);
  $("[data-verb=mark]", item).textContent = question.answered ? "Mark as open" : "Mark as answered";
  for (const button of item.querySelectorAll(".own button")) {
    button.ariaLabel = `${button.textContent}: ${question.text}`;
  }
  $("summary", item).ariaLabel = `More: ${question.text}`;
  $(".vote", item).ariaLabel = `Vote for: ${question.text}, ${plural(question.votes, "vote")}`;
  $("time", item).dateTime = question.asked_at;
  $("time", item).title = new Date(question.asked_at).toLocaleString("en");
  drawTime($("time", item));
  return item;
}

function drawTime(time) {
  const minutes = Math.floor((now() - new Date(time.dateTime)) / 60_000);
  if (minutes < 1) time.textContent = "just now";
  else if (minutes < 60) time.textContent = `${plural(minutes, "minute")} ago`;
  else if (minutes < 24 * 60) time.textContent = `${plural(Math.floor(minutes / 60), "hour")} ago`;
  else time.textContent = `${plural(Math.floor(minutes / 60 / 24), "day")} ago`;
}
setInterval(() => document.querySelectorAll("time").forEach(drawTime), 60_000);

/** Open a question's small form, "edit" or "withdraw"; the focus goes to the text, or to what does no harm. */
export function open(item, opener) {
  const panel = clone(`#${opener}`);
  item.append(panel);
  $("textarea, [data-verb=close]", panel).focus();
  return panel;
}

/** Close it again; the focus goes back to the button that opened it. */
export function close(item) {
  const panel = $(".panel", item);
  if (!panel) return; // Escape was quicker than the API
  panel.remove();
  $(`[data-verb=${panel.dataset.opener}]`, item).focus();
}

/** Take away an item that its reader has withdrawn, at once; the focus, which was in it, goes to the heading. */
export function remove(item) {
  $("#title").focus({ preventScroll: true });
  item.remove();
}

/** Bring one's own new question to where one sees it, and mark it for a moment. */
export function present(id) {
  const item = $(`#question-${id}`);
  if (!item) return; // the person is in another room by now, or the question was withdrawn at once
  if (!item.checkVisibility()) $("#filter").value = "all"; // it is none of those that are shown
  item.scrollIntoView({ block: "center" });
  item.classList.add("new");
  setTimeout(() => item.classList.remove("new"), 2000);
}

/** Let an item's edge light up in the colour of the way by which its news came: http, stream or socket. */
export function flash(id, way) {
  const edge = (colour) => ({ boxShadow: `-0.5rem 0 0 ${colour}` });
  $(`#question-${id}`)?.animate([edge(`var(--${way})`), edge("transparent")], { duration: 1500, easing: "ease-in" });
}

export function say(news) {
  alert.textContent = "";
  $("#news").textContent = news ?? "";
}

/** Say what went wrong at the place where the person did it. */
export function complain(place, problem) {
  say("");
  place.append(alert);
  alert.textContent = problem;
  alert.scrollIntoView({ block: "nearest" });
}

// Draws the questions, the small forms inside them, and the messages. From the API it takes only the time.
import { now } from "./api.js";

const $ = (selector, inside = document) => inside.querySelector(selector);
const clone = (template) => $(template).content.firstElementChild.cloneNode(true);
const alert = $("#problem"); // kept in a variable: it may leave the page with the item that contains it
const plural = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

const list = $("#questions");
let wanted = []; // the items in the order they take when nobody reads the list
let waiting = false; // whether the list still shows another order
let pointing = false; // whether the pointer is over the list
let leaving; // the timer that starts when the pointer leaves the list

/** Show these questions in this order. Items are moved, not made again, so that a half-written edit is kept. */
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

/** Let items slide to their new places. */
function slide() {
  for (const item of wanted) item.style.viewTransitionName = item.id;
  document.startViewTransition(() => arrange()).ready.catch(() => {}); // the next transition may interrupt it
}

/** Whether somebody points at the list, has the focus in it or reads below its top: then nothing may move. */
const isRead = () =>
  !isPresented() && (pointing || list.getBoundingClientRect().top < 0 || $(":focus-visible", list) !== null);
const isPresented = () => document.body.classList.contains("presenting"); // see present.js

/** Put the items in order. While somebody reads them, new items come last, and withdrawn items leave a gap. */
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

  // A moved element loses the focus, so give it back. If the focused question is gone, focus the heading.
  const next = focused.isConnected && !focused.closest("[inert]") ? focused : $("#title");
  if (next !== document.activeElement) next.focus({ preventScroll: true });
}

const settle = () => waiting && arrange();
list.addEventListener("focusout", () => setTimeout(settle)); // by then, the new focus is known
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
  }, 300); // on a touch screen, the click comes after pointerleave
});
$("#reorder").addEventListener("click", () => {
  arrange(false);
  $("#title").focus();
});
$("#skip").addEventListener("click", () => $("#title").focus());

function drawQuestion(question, teacher) {
  const item = $(`#question-${question.id}`) ?? clone("#question");
  $(".own", item).hidden = !(question.mine || teacher);
  if (question.mine) $("details", item).open = true; // on other people's questions, a teacher opens it
  item.inert = false;
  if (item.question === question) return item; // nothing is new; keep the text that the reader has selected
  item.question = question;
  item.id = `question-${question.id}`;
  $(".text", item).textContent = question.text; // never innerHTML: a question may contain tags
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

/** Open a question's small form, "edit" or "withdraw". The focus goes to the text, or to the harmless button. */
export function open(item, opener) {
  const panel = clone(`#${opener}`);
  item.append(panel);
  $("textarea, [data-verb=close]", panel).focus();
  return panel;
}

/** Close the form. The focus goes back to the button that opened it. */
export function close(item) {
  const panel = $(".panel", item);
  if (!panel) return; // Escape closed it before the API answered
  panel.remove();
  $(`[data-verb=${panel.dataset.opener}]`, item).focus();
}

/** Remove an item at once, because this user has withdrawn it. The focus was in it, and goes to the heading. */
export function remove(item) {
  $("#title").focus({ preventScroll: true });
  item.remove();
}

/** Scroll to the user's own new question, and mark it for a moment. */
export function present(id) {
  const item = $(`#question-${id}`);
  if (!item) return; // the user is in another room by now, or the question is already withdrawn
  if (!item.checkVisibility()) $("#filter").value = "all"; // the filter hides it
  item.scrollIntoView({ block: "center" });
  item.classList.add("new");
  setTimeout(() => item.classList.remove("new"), 2000);
}

/** Light up an item's edge in the colour of the transport of its news: http, stream or socket. */
export function flash(id, way) {
  const edge = (colour) => ({ boxShadow: `-0.5rem 0 0 ${colour}` });
  $(`#question-${id}`)?.animate([edge(`var(--${way})`), edge("transparent")], { duration: 1500, easing: "ease-in" });
}

export function say(news) {
  alert.textContent = "";
  $("#news").textContent = news ?? "";
}

/** Show what went wrong, at the place where the user acted. */
export function complain(place, problem) {
  say("");
  place.append(alert);
  alert.textContent = problem;
  alert.scrollIntoView({ block: "nearest" });
}

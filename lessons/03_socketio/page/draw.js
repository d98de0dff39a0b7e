// Draws the questions it is given, the small forms inside them, and the messages; knows nothing of the API.
const $ = (selector, inside = document) => inside.querySelector(selector);
const clone = (template) => $(template).content.firstElementChild.cloneNode(true);
const alert = $("#problem"); // by this name even when it left the page with the item it stood in
const plural = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

/** Show these questions in this order. Items stay and move, so that a half-written edit outlives it. */
export function draw(questions, more) {
  const list = $("#questions");
  const focused = document.activeElement;
  const items = questions.map(drawQuestion);
  const staying = new Set(items);
  for (const item of [...list.children]) if (!staying.has(item)) item.remove();
  items.forEach((item, place) => {
    if (item !== list.children[place]) list.insertBefore(item, list.children[place] ?? null);
  });
  $("#title").textContent = more === null ? "Questions" : plural(questions.length + more, "question");
  $("#uncounted").hidden = more !== null;
  $("#more").hidden = !more;
  $("#more").textContent = `You see ${questions.length} of them: those with the most votes, and what is new.`;
  $("#empty").hidden = questions.length > 0;

  // Moving an element takes the focus from it; whoever stood on a question that is gone, stands on the heading.
  const next = focused.isConnected ? focused : $("#title");
  if (next !== document.activeElement) next.focus({ preventScroll: true });
}

function drawQuestion(question) {
  const item = $(`#question-${question.id}`) ?? clone("#question");
  if (item.question === question) return item; // nothing new, and what the reader has selected stays so
  item.question = question;
  item.id = `question-${question.id}`;
  $(".text", item).textContent = question.text; // never innerHTML: a question is text, whatever it looks like
  $(".author", item).textContent = question.author || "Anonymous";
  $(".votes", item).textContent = question.votes;
  $(".vote", item).ariaPressed = question.voted;
  $(".vote", item).title = plural(question.votes, "vote");
  $(".badge", item).hidden = !question.answered;
  $(".own", item).hidden = !question.mine;
  $("[data-verb=mark]", item).textContent = question.answered ? "Mark as open" : "Mark as answered";
  for (const button of item.querySelectorAll(".vote, .own button")) {
    button.ariaLabel = `${button.matches(".vote") ? "Vote for" : button.textContent}: ${question.text}`;
  }
  $("time", item).dateTime = question.asked_at;
  $("time", item).title = new Date(question.asked_at).toLocaleString("en");
  drawTime($("time", item));
  return item;
}

function drawTime(time) {
  const minutes = Math.floor((Date.now() - new Date(time.dateTime)) / 60_000);
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

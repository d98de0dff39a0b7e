// The wire's page: receives each message over an event stream, and draws the selected ones.
import { download, drawing } from "./draw.js";

const $ = (selector) => document.querySelector(selector);
const KEPT = 10_000;
const ROW = 28; // pixels

let messages = []; // all messages that are kept, the oldest first
let shown = []; // the messages that the controls select
let lanes = []; // in the order of their first message, the browsers first
let chosen; // the number of the message that was clicked
let related = new Set();
let follow = false; // whether to scroll to the newest message when drawing
let waiting = []; // messages that arrived during a pause
let cleared = 0; // messages up to this number are not shown
const names = JSON.parse(localStorage.getItem("names") ?? "{}"); // the names that the user has given to lanes

const view = $("#view");
const nameOf = (lane) => names[lane] ?? lane;
const text = (name, words, attributes = {}) => Object.assign(document.createElement(name), { textContent: words, ...attributes });

const source = new EventSource("messages");
source.onopen = () => ($("#state").textContent = "live");
source.onerror = () => ($("#state").textContent = "no connection: is the lesson still running?");
source.onmessage = ({ data }) => {
  const news = JSON.parse(data);
  if ($("#pause").ariaPressed === "true") waiting.push(...news.messages);
  else take(news.messages);
  $("#state").textContent = news.dropped ? `live; ${news.dropped.toLocaleString("en")} older ones were dropped` : "live";
};

function take(more) {
  follow ||= view.scrollTop + view.clientHeight > view.scrollHeight - 2 * ROW;
  messages = [...messages, ...more].slice(-KEPT);
  choose();
}

/** Select the messages to show, and their lanes. */
function choose() {
  const [words, kind, lane, quiet] = [$("#search").value.toLowerCase(), $("#kind").value, $("#lane").value, $("#quiet").checked];
  shown = messages.filter(
    (message) =>
      message.number > cleared &&
      (quiet || !message.quiet || related.has(message.number)) &&
      (!kind || message.kind === kind || message.kind === "mark" || (kind === "http" && message.kind === "absent")) &&
      (!lane || message.from === lane || message.to === lane || message.kind === "mark") &&
      (!words || `${message.title} ${nameOf(message.from)} ${nameOf(message.to)}`.toLowerCase().includes(words)),
  );
  const order = (lane) => ["API", "nginx", "Redis"].indexOf(lane.split(" ")[0]) + 1 + (lane.startsWith("worker") ? 2.5 : 0);
  const found = new Set(messages.flatMap(({ from, to }) => [from, to]).filter((lane) => lane && lane !== "?"));
  lanes = [...found].sort((a, b) => order(a) - order(b));
  fillLanes();
  draw();
}

function fillLanes() {
  const select = $("#lane");
  const known = [...select.options].map(({ value }) => value);
  for (const lane of lanes) if (!known.includes(lane)) select.append(new Option(nameOf(lane), lane));
}

let drawn; // the requested animation frame
function draw() {
  cancelAnimationFrame(drawn);
  drawn = requestAnimationFrame(() => {
    $("#empty").hidden = messages.length > 0;
    if ($("#table").checked) drawTable();
    else drawLanes();
    if (follow) view.scrollTop = view.scrollHeight;
    follow = false;
  });
}

/** Draw only the visible rows, so that the number of the others does not matter. */
function drawLanes() {
  const first = Math.max(0, Math.floor(view.scrollTop / ROW) - 5);
  const last = first + Math.ceil(view.clientHeight / ROW) + 10;
  const svg = drawing({ shown, lanes, nameOf, first, last, top: view.scrollTop, width: view.clientWidth, chosen, related });
  svg.id = "lanes";
  svg.ariaHidden = "true";
  $("#lanes").replaceWith(svg);
  const rows = shown.slice(first, last).map((message, place) => {
    const row = text("button", label(message), { type: "button", className: "row", value: message.number });
    row.style.top = `${(first + place + 2) * ROW}px`;
    if (message.number === chosen) row.ariaCurrent = "true";
    return row;
  });
  const heads = lanes.map((lane, place) => {
    const head = text("button", `Rename ${nameOf(lane)}`, { type: "button", className: "head", value: lane });
    head.style.top = `${view.scrollTop}px`;
    head.style.left = `${((place + 0.5) * 100) / lanes.length}%`;
    return head;
  });
  const focused = document.activeElement?.classList.contains("row") ? document.activeElement.value : undefined;
  $("#rows").replaceChildren(...heads, ...rows);
  if (focused) rows.find(({ value }) => value === focused)?.focus({ preventScroll: true });
}

const label = ({ at, from, to, title }) => `${at.toFixed(3)} s: ${nameOf(from)} to ${nameOf(to)}: ${title}`;

function drawTable() {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const name of ["Seconds", "From", "To", "Message"]) head.append(text("th", name, { scope: "col" }));
  const body = table.createTBody();
  for (const message of shown.slice(-500)) {
    const row = body.insertRow();
    for (const words of [message.at.toFixed(3), nameOf(message.from), nameOf(message.to)]) row.append(text("td", words));
    const cell = row.insertCell();
    cell.append(text("button", message.title, { type: "button", value: message.number }));
    row.classList.toggle("bad", message.bad);
    row.classList.toggle("related", related.has(message.number));
  }
  $("#rows").replaceChildren(table);
  $("#lanes").replaceChildren();
}

async function open(number, secrets = false) {
  const answer = await fetch(`messages/${number}${secrets ? "?secrets" : ""}`);
  const box = $("#details");
  box.hidden = false;
  if (!answer.ok) return box.replaceChildren(text("p", "This message is no longer kept."));
  const message = await answer.json();
  chosen = message.number;
  related = new Set(message.related);
  const close = text("button", "Close", { type: "button", id: "close" });
  const parts = [close, text("h2", message.title), text("p", `${nameOf(message.from)} → ${nameOf(message.to)}, after ${message.at.toFixed(3)} s`)];
  if (related.size === 2) parts.push(text("p", "One other belongs to it; it is marked."));
  if (related.size > 2) parts.push(text("p", `${related.size - 1} others belong to it; they are marked.`));
  if (message.headers.length) parts.push(headersOf(message.headers));
  if (message.data) parts.push(text("h3", "Its bytes"), text("pre", message.data, { tabIndex: 0 }));
  if (!secrets && `${message.data}${JSON.stringify(message.headers)}`.includes("•••"))
    parts.push(text("button", "Show what is masked", { type: "button", id: "secrets", value: number }));
  box.replaceChildren(...parts);
  box.focus();
  choose();
}

function headersOf(headers) {
  const list = document.createElement("dl");
  for (const [name, value, sentence, link, step] of headers) {
    const meaning = text("dd", step ? `${sentence} See ${step}. ` : `${sentence} `);
    if (link) meaning.append(text("a", "The standard", { href: link, target: "_blank", rel: "noreferrer" }));
    list.append(text("dt", `${name}: ${value}`), meaning);
  }
  return list;
}

$("#rows").addEventListener("click", ({ target }) => {
  if (target.classList.contains("head")) rename(target.value);
  else if (target.value) open(Number(target.value));
});
function rename(lane) {
  const name = prompt(`Who is ${nameOf(lane)}?`, nameOf(lane))?.trim();
  if (!name) return;
  names[lane] = name;
  localStorage.setItem("names", JSON.stringify(names));
  for (const option of $("#lane").options) if (option.value === lane) option.textContent = name;
  draw();
}
$("#details").addEventListener("click", ({ target }) => {
  if (target.id === "secrets") open(Number(target.value), true);
  if (target.id === "close") shut();
});
function shut() {
  $("#details").hidden = true;
  [chosen, related] = [undefined, new Set()];
  choose();
  view.focus();
}
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && !$("#details").hidden) shut();
});
$("#rows").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !event.target.classList.contains("row")) return;
  event.preventDefault();
  const next = step > 0 ? event.target.nextElementSibling : event.target.previousElementSibling;
  if (next?.classList.contains("row")) next.focus();
});
view.addEventListener("scroll", draw, { passive: true });
addEventListener("resize", draw);
for (const control of ["#search", "#kind", "#lane", "#quiet", "#table"]) $(control).addEventListener("input", choose);
$("#controls").addEventListener("submit", (event) => event.preventDefault());
$("#pause").addEventListener("click", ({ target }) => {
  const paused = target.ariaPressed !== "true";
  target.ariaPressed = paused;
  target.textContent = paused ? "Go on" : "Pause";
  if (!paused) take(waiting.splice(0));
});
$("#clear").addEventListener("click", () => {
  cleared = messages.at(-1)?.number ?? 0;
  shut();
});
$("#mark").addEventListener("click", async () => {
  const caption = prompt("What happens now?")?.trim();
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ caption }) };
  if (caption) await fetch("marks", options);
});
const whole = () => drawing({ shown, lanes, nameOf, first: 0, last: shown.length, width: 1000, related: new Set(), styled: true });
$("#svg").addEventListener("click", () => download("wire.svg", "image/svg+xml", whole().outerHTML));
$("#html").addEventListener("click", () => {
  const page = document.implementation.createHTMLDocument("The wire");
  const list = text("ol", "");
  for (const message of shown) list.append(text("li", label(message)));
  page.body.append(whole(), list);
  download("wire.html", "text/html", `<!doctype html>${page.documentElement.outerHTML}`);
});

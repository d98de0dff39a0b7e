// Asks once a second for the workers' numbers, and draws a row for each worker, and its last two minutes as lines.
// The totals stand above the lines, large enough for the back row.
const KEPT = 120;
const CHARTS = {
  clients: "Clients",
  rate: "Packets a second",
  delay: "Delay, 99th percentile, in ms",
};
const add = (one, other) => one + other;
const TOTALS = { clients: add, rate: add, delay: Math.max };
const calm = document.querySelector("#fault").textContent;
const past = new Map(); // by worker: its numbers, the newest last
const faults = new Map(); // by the fault's time, as text
const colours = new Map(); // by worker: one of four, for as long as this page is open

const make = (name, attributes = {}, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};
const cell = (text, name = "td") => Object.assign(document.createElement(name), { textContent: text });
const milliseconds = (seconds) => (seconds === null ? "–" : `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`);

/** Store the workers' current numbers, and forget workers that are gone. */
function remember(workers) {
  const now = performance.now();
  for (const name of past.keys()) if (!(name in workers)) past.delete(name);
  for (const [name, numbers] of Object.entries(workers)) {
    if (!colours.has(name)) colours.set(name, `line${colours.size % 4}`);
    const before = past.get(name) ?? [];
    const last = before.at(-1) ?? { sent: numbers.sent, now: now - 1000 };
    const rate = Math.max(0, Math.round(((numbers.sent - last.sent) * 1000) / (now - last.now)));
    past.set(name, [...before, { ...numbers, now, rate, delay: Math.round(numbers.slowest * 1000) }].slice(-KEPT));
  }
}

/** A chart of one number: the total, a line for each worker on a common scale, and a legend. */
function chart(what, title, time) {
  const highest = Math.max(10, ...[...past.values()].flat().map((said) => said[what]));
  const lines = [...past].map(([name, said]) => {
    const points = said.map((one, x) => `${KEPT - said.length + x},${59 - (58 * one[what]) / highest}`);
    return make("polyline", { class: colours.get(name), points: points.join(" ") });
  });
  for (const [at, { seconds }] of faults) {
    const since = (time - Date.parse(at)) / 1000;
    const width = Math.max(1, Math.min(since, seconds ?? since));
    lines.push(make("rect", { class: "fault", x: KEPT - since, width, height: 60 }));
  }
  const now = [...past].map(([name, said]) => [name, said.at(-1)[what]]);
  const total = now.map(([, number]) => number).reduce((one, other) => TOTALS[what](one, other), 0);
  const names = now.map(([name, number]) => Object.assign(cell(`${name}: ${number}`, "b"), { className: colours.get(name) }));
  const figure = document.createElement("figure");
  const drawing = make("svg", { viewBox: `0 0 ${KEPT} 60`, preserveAspectRatio: "none" }, ...lines);
  const axis = ["2 minutes ago", `highest ${highest}`, "now"].map((text) => cell(text, "span"));
  figure.append(cell(title, "figcaption"), cell(total, "strong"), drawing, ...axis, ...names);
  return figure;
}

function row(name, said) {
  const made = document.createElement("tr");
  const heading = Object.assign(cell(name, "th"), { scope: "row", className: colours.get(name) });
  const numbers = [said.clients, said.streams, said.rate, milliseconds(said.median), milliseconds(said.slowest)];
  const memory = `${Math.round(said.memory / 2 ** 20)} MiB`;
  made.append(heading, ...[said.engine, ...numbers, memory].map((text) => cell(text)));
  return made;
}

/** Show the workers' numbers at a time, given in milliseconds. */
function show({ workers, fault }, time) {
  remember(workers);
  if (fault) faults.set(fault.at, fault);
  document.querySelector("#charts").replaceChildren(...Object.entries(CHARTS).map((one) => chart(...one, time)));
  const rows = [...past].map(([name, said]) => row(name, said.at(-1)));
  document.querySelector("#workers tbody").replaceChildren(...rows);
  if (!fault) say(calm);
  else {
    const healed = fault.seconds === null ? "It is not over." : `It was over after ${fault.seconds.toFixed(1)} s.`;
    say(`The last fault: ${fault.what}, at ${new Date(fault.at).toLocaleTimeString("en")}. ${healed}`);
  }
}

/** Show the state. A screen reader reads it only when it changes. */
function say(text) {
  const line = document.querySelector("#fault");
  if (line.textContent !== text) line.textContent = text;
}

async function ask() {
  try {
    const answer = await fetch("/hall/numbers");
    if (answer.ok && !answer.redirected) show(await answer.json(), Date.parse(answer.headers.get("Date")));
    else if (answer.status === 404) say("The workers do not measure anything yet.");
    else say("The API does not let you look any more: sign in again.");
  } catch {
    say("The API does not answer; this page goes on asking.");
  }
  setTimeout(ask, 1000);
}
ask();

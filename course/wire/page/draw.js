// Draws messages as a sequence diagram: a lane for each program, an arrow for each message, time from top to bottom.
const ROW = 28;
const KINDS = { http: "#b8740f", stream: "#7a63d9", socket: "#0c8f78", redis: "#a0368c", connection: "#6b746f", absent: "#b3261e", bytes: "#6b746f", mark: "#2e5bd0" };

const STYLE = `svg { background: #fff } text { font: 13px sans-serif; fill: #1d2522 } .lane, .mark { stroke: #b9bdb6 }
.head { fill: #fff } .name { font-weight: 700 } .bad { fill: #a4231a }
@media (prefers-color-scheme: dark) {
svg { background: #131816 } text { fill: #e9eee9 } .lane, .mark { stroke: #3a4540 } .head { fill: #131816 } .bad { fill: #ffa598 }
}`;

const make = (name, attributes = {}, words) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (words !== undefined) made.textContent = words; // never as HTML: a question may contain tags
  return made;
};

/** A picture of the rows from `first` to `last`. If `styled`, it contains its colours, so that it can be saved. */
export function drawing({ shown, lanes, nameOf, first, last, top = 0, width, chosen, related, styled, caption }) {
  const height = (shown.length + 3) * ROW;
  const svg = make("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", xmlns: "http://www.w3.org/2000/svg" });
  if (styled) {
    svg.append(make("title", {}, caption ?? "What went over the wire"));
    svg.append(make("style", {}, STYLE));
  }
  const x = (lane) => ((lanes.indexOf(lane) + 0.5) * width) / lanes.length;
  for (const lane of lanes) {
    svg.append(make("line", { class: "lane", x1: x(lane), x2: x(lane), y1: ROW, y2: height }));
  }
  shown.slice(first, last).forEach((message, place) => {
    const y = (first + place + 2) * ROW + ROW / 2 + 6;
    const { number, kind, title, bad } = message;
    const state = number === chosen ? "chosen" : related.has(number) ? "related" : related.size ? "other" : "";
    const group = make("g", { class: `${state} ${bad ? "bad" : ""}` });
    if (state === "chosen" || state === "related")
      group.append(make("rect", { class: "light", x: 0, y: y - ROW + 6, width, height: ROW - 2, fill: "#f3d27a", opacity: 0.35 }));
    if (kind === "mark") {
      group.append(make("line", { class: "mark", x1: 0, x2: width, y1: y, y2: y }), make("text", { x: 8, y: y - 4 }, title));
    } else arrow(group, message, y, x, width);
    svg.append(group);
  });
  svg.append(make("rect", { class: "head", x: 0, y: top, width, height: ROW, fill: "#fff" })); // keep the names in view
  for (const lane of lanes)
    svg.append(make("text", { class: "name", x: x(lane), y: top + ROW - 8, "text-anchor": "middle" }, nameOf(lane)));
  return svg;
}

function arrow(group, { from, to, kind, title, bad }, y, x, width) {
  const [start, end] = [x(from), x(to)].map((place) => place || width / 2);
  const colour = bad ? KINDS.absent : KINDS[kind];
  const dashed = kind === "absent" || kind === "connection" ? "4 4" : "none";
  const back = end > start ? -7 : 7;
  group.append(make("line", { x1: start, x2: end, y1: y, y2: y, stroke: colour, "stroke-width": 2, "stroke-dasharray": dashed }));
  if (kind === "absent") {
    const middle = (start + end) / 2;
    group.append(make("path", { d: `M${middle - 6},${y - 6}l12,12m0,-12l-12,12`, stroke: colour, "stroke-width": 2 }));
  } else group.append(make("path", { d: `M${end},${y}l${back},-4v8z`, fill: colour }));
  const room = Math.max(Math.abs(end - start), 160) / 7.2;
  const words = title.length > room ? `${title.slice(0, room - 1)}…` : title;
  const label = make("text", { x: (start + end) / 2, y: y - 5, "text-anchor": "middle" }, words);
  if (bad) label.setAttribute("class", "bad");
  label.append(make("title", {}, title));
  group.append(label);
}

/** Let the user save a file. */
export function download(name, type, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

// Keeps the desk's table fresh: when something changed, fetch the page anew and exchange the rows that differ.
// The rows are the server's own; in them, Jinja has made every text harmless.
import { io } from "/client/socket.io.esm.min.js";

const table = document.querySelector("table");
const live = document.querySelector("#live");
let dirty = new WeakSet(); // rows in which somebody is writing: they stay as they are

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return location.reload(); // the page says why
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("tbody");
  const old = table.tBodies[0];
  for (const row of [...fresh.rows]) {
    const now = row.id && document.getElementById(row.id);
    if (now && (dirty.has(now) || now.contains(document.activeElement))) row.replaceWith(now);
  }
  old.replaceChildren(...fresh.rows);
}

table.addEventListener("input", ({ target }) => dirty.add(target.closest("tr")));

const socket = io("/desk", { auth: { room: table.dataset.room } });
socket.on("connect", () => {
  live.textContent = "Live: what happens in the room shows here by itself.";
  refresh();
});
socket.on("disconnect", () => (live.textContent = "Not live: reload to see what is new."));
socket.on("connect_error", () => (live.textContent = "Not live: reload to see what is new."));
socket.on("changed", refresh);
socket.on("closed", () => location.reload());

// Keeps the desk's table up to date: after a change, it fetches the page again and replaces the rows.
// The rows come from the server, where Jinja has escaped every text.
import { io } from "/client/socket.io.esm.min.js";

const table = document.querySelector("table");
const live = document.querySelector("#live");
const PAUSE = 500; // milliseconds between two fetches: the next fetch brings all changes since the last
let changed = false; // whether the room has changed since the last fetch began
let busy = false;
let dirty = new WeakSet(); // rows in which somebody is writing: they stay as they are

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return location.reload(); // the reloaded page shows why
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("tbody");
  const rows = [...fresh.rows].map((row) => {
    const now = row.id && document.getElementById(row.id);
    if (!now || !(dirty.has(now) || now.contains(document.activeElement))) return row;
    now.cells[0].replaceWith(row.cells[0]); // update only its votes
    return now;
  });
  // A moved row loses the focus. So the focused row stays, and the others are placed around it.
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const old = table.tBodies[0];
  if (at < 0) return old.replaceChildren(...rows);
  for (const row of [...old.rows]) if (row !== rows[at]) row.remove();
  rows[at].before(...rows.slice(0, at));
  rows[at].after(...rows.slice(at + 1));
}

/** Refresh, with one fetch at a time, until nothing has changed since the last fetch began. */
async function lookAgain() {
  changed = true;
  if (busy) return;
  busy = true;
  while (changed) {
    changed = false;
    await refresh().catch(() => (changed = socket.connected)); // without a connection, the next connect refreshes
    await new Promise((over) => setTimeout(over, PAUSE));
  }
  busy = false;
}

table.addEventListener("input", ({ target }) => dirty.add(target.closest("tr")));

const socket = io("/desk", { auth: { room: table.dataset.room } });
socket.on("connect", () => {
  live.textContent = "Live: what happens in the room shows here by itself.";
  lookAgain();
});
for (const type of ["disconnect", "connect_error"]) {
  socket.on(type, () => {
    live.textContent = socket.active ? "Reconnecting …" : "Not live: reload to see what is new.";
  });
}
socket.on("changed", lookAgain);
socket.on("closed", () => location.reload());

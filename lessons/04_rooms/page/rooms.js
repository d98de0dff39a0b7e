// Shows who is signed in, the room of this page, who is online there, their whispers, and the buttons for teachers.
import * as api from "./api.js";
import { API_URL } from "./config.js";
import { complain, say } from "./draw.js";
import { identify, move, renew, whisper } from "./socket.js";

const LOBBY = "lobby";
const $ = (selector) => document.querySelector(selector);
const element = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties); // text is set as text, never as HTML
  made.append(...children);
  return made;
};

const log = $("#whispers");
const whispers = $("#whispers ol");
const whispering = $("#whispering"); // closed at first: a projector must not show whispers

const OPEN = [{ name: LOBBY }, { name: "physics" }]; // the rooms to show while the API does not list the user's rooms
const nobody = { name: null, teacher: false, rooms: OPEN };

let me = { ...nobody, rooms: [OPEN[0]] };
let present = []; // the names of the people online in this room
let wanted; // the room that the server refused: after signing in, the user goes there
let unread = 0; // whispers that arrived while the list of whispers was closed
let redraw; // called when the user's rights on the list may have changed

/** The room of this page: the URL names it after the #. */
export function room() {
  const name = location.hash.slice(1) || LOBBY;
  return me.rooms.find((mine) => mine.name === name) ?? { name, teacher: false };
}

const heading = () => $(room().name === LOBBY ? "#title" : "#room-name");

const composer = $("#text");
const drafts = new Map(); // by room: the text that is written and not asked yet
let writing = room().name; // the room whose draft the composer holds

/** Change to this room's draft, so that no text is asked in another room. */
function changeDraft() {
  drafts.set(writing, composer.value);
  writing = room().name;
  composer.value = drafts.get(writing) ?? "";
  composer.dispatchEvent(new Event("input", { bubbles: true })); // so that its length is shown
}

/** Delete a draft after it was asked, unless the user is already writing the next one. */
export function wasAsked(where, draft) {
  if (drafts.get(where) === draft) drafts.delete(where);
  if (where === writing && composer.value === draft) composer.value = "";
}

/** The handlers for events about people. */
export const people = {
  presence({ names = [] }) {
    present = names;
    keepFocus(drawPresence);
  },
  whisper({ from, to, text }) {
    const line = from === me.name ? `to ${to}: ` : `${from}: `;
    const isAtEnd = log.scrollTop + log.clientHeight > log.scrollHeight - 10;
    whispers.append(element("li", {}, element("b", { textContent: line, dir: "auto" }), text));
    while (whispers.children.length > 50) whispers.firstChild.remove();
    if (!whispering.open) unread += 1;
    drawRoom();
    if (isAtEnd) log.scrollTop = log.scrollHeight; // a user who has scrolled up keeps their place
  },
  /** The server refuses the room; if `was`, it has removed this page from it. */
  async refused(why, was = false) {
    const { name } = room();
    if (name !== LOBBY) wanted = name;
    location.hash = LOBBY;
    changeDraft(); // at once, else the next key goes to the wrong room's draft
    await recognise().catch(() => {}); // if this fails, other requests fail too, and show it
    const removed = was && me.name !== null && me.rooms.every((mine) => mine.name !== name);
    complain($("#you"), removed ? `You were removed from ${name}, or it was closed.` : why);
  },
};

const known = (answer) => ({ ...nobody, ...answer });

/** With an API that has no sign-in yet, nobody is signed in. */
function unknown(problem) {
  if (problem.status === 501) return nobody;
  throw problem;
}

/** Ask the API who is signed in, and draw the page for them. */
export async function recognise() {
  me = await identify(api.me).then(known, unknown);
  keepFocus(drawMe);
  redraw();
}

/** Draw. If the focused element is gone, focus the heading. */
function keepFocus(drawing) {
  const focused = document.activeElement;
  drawing();
  if (!focused.getClientRects().length) heading().focus();
}

/** Show these names in this order. Existing items stay, so that the focus and a "Really remove?" are kept. */
function fill(list, names, make) {
  const items = new Map([...list.children].map((item) => [item.dataset.name, item]));
  for (const [name, item] of items) if (!names.includes(name)) item.remove();
  names.forEach((name, place) => {
    const item = items.get(name) ?? make(name);
    item.dataset.name = name;
    if (item !== list.children[place]) list.insertBefore(item, list.children[place] ?? null);
  });
}

function drawMe() {
  $("#login").hidden = me.name !== null;
  $("#me").hidden = me.name === null;
  $("#me strong").textContent = me.name;
  $("#desk").hidden = !me.teacher;
  $("#desk").href = `${API_URL}/desk`;
  $("#signature").hidden = me.name !== null; // a signed-in user's questions carry their own name
  $("#rooms").hidden = me.name === null && me.rooms !== OPEN;
  $("#open").hidden = !me.teacher;
  const names = me.rooms.map(({ name }) => name);
  fill($("#rooms ul"), names, (name) => element("li", {}, element("a", { href: `#${name}`, textContent: name })));
  for (const link of $("#rooms ul").querySelectorAll("a"))
    link.ariaCurrent = link.textContent === room().name ? "page" : null;
  drawRoom();
}

function drawRoom() {
  const { name, code } = room();
  $("#room").hidden = name === LOBBY;
  $("#room-name").textContent = name;
  $("#csv").hidden = name !== LOBBY;
  $("#teach").hidden = !code;
  $("#code").textContent = code;
  log.hidden = !whispers.children.length;
  $("#unread").textContent = unread ? `${unread} new` : "";
  drawPresence();
}

function drawPresence() {
  const { name, teacher } = room();
  fill($("#presence"), present, (person) =>
    element(
      "li",
      {},
      element("span", { textContent: person, dir: "auto" }),
      element("span", { textContent: " (you)" }),
      element("button", { type: "button", textContent: "Remove", ariaLabel: `Remove ${person}`, value: person }),
    ),
  );
  for (const item of $("#presence").children) {
    const [, you, remove] = item.children;
    you.hidden = remove.value !== me.name;
    remove.hidden = remove.value === me.name || !teacher || name === LOBBY;
  }
  const others = new Set(present);
  others.delete(me.name);
  if ($("#words").value) others.add($("#to").value); // else a half-written whisper would go to somebody else
  fill($("#to"), [...others], (person) => element("option", { textContent: person }));
  $("#whisper").hidden = others.size === 0;
  whispering.hidden = others.size === 0 && log.hidden;
}

/** Run the action of a form or a button, and show its news or its problem there. */
async function attempt(place, action) {
  if (place.ariaBusy === "true") return;
  place.ariaBusy = "true";
  try {
    say(await action());
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    complain(place, problem.message);
  } finally {
    place.ariaBusy = "false";
  }
}

function onSubmit(form, action) {
  $(form).addEventListener("submit", (event) => {
    event.preventDefault();
    attempt($(form), () => action($(form).elements, event.submitter));
  });
}

/** The first press asks for confirmation. Returns whether this is the second press. */
function isSure(button, question) {
  if (button.dataset.asked) return true;
  const { textContent, ariaLabel } = button;
  button.dataset.asked = "yes";
  Object.assign(button, { textContent: question, ariaLabel: null }); // a screen reader reads the new text
  setTimeout(() => {
    delete button.dataset.asked;
    Object.assign(button, { textContent, ariaLabel });
  }, 5000);
  return false;
}

onSubmit("#login", async ({ name, password }) => {
  me = known(await identify(() => api.login(name.value, password.value)));
  password.value = "";
  drawMe();
  $("#me strong").focus();
  if (me.rooms.some((mine) => mine.name === wanted)) location.hash = wanted;
  renew();
  return `Signed in as ${me.name}.`;
});

onSubmit("#join", async ({ "room-to-join": name, code }, button) => {
  if (button.id === "open") await api.openRoom(name.value, code.value);
  else await api.join(name.value, code.value);
  await recognise();
  location.hash = name.value.trim();
  name.value = code.value = "";
  $("#join").parentElement.open = false;
  return button.id === "open" ? "The room is open." : "Joined.";
});

onSubmit("#whisper", async ({ to, words }) => {
  await whisper(to.value, words.value);
  words.value = "";
});

whispering.addEventListener("toggle", () => {
  unread = 0;
  drawRoom();
  log.scrollTop = log.scrollHeight;
});

$("#out").addEventListener("click", () =>
  attempt($("#me"), async () => {
    await identify(api.logout);
    await recognise();
    whispers.replaceChildren();
    location.hash = LOBBY;
    renew();
    return "Signed out, in every window and on every device.";
  }),
);

$("#presence").addEventListener("click", ({ target }) => {
  if (!target.value || !isSure(target, `Really remove ${target.value}?`)) return;
  attempt($("#room"), async () => {
    await api.remove(room().name, target.value);
    return `${target.value} was removed from the room.`;
  });
});

$("#close").addEventListener("click", ({ target }) => {
  if (!isSure(target, `Really close ${room().name}, for ever?`)) return;
  attempt($("#room"), () => api.closeRoom(room().name));
});

/** Change rooms with the URL: `clear()` removes the list, `draw()` draws it with the user's current rights. */
export function follow(draw, clear) {
  redraw = draw;
  addEventListener("hashchange", () => {
    const focused = document.activeElement;
    present = [];
    clear();
    drawMe();
    changeDraft();
    if (!focused.matches("body, #login *")) heading().focus(); // do not interrupt a user who is signing in
    log.scrollTop = log.scrollHeight; // an element that is shown again starts at its top
    move(room().name);
  });
  recognise().catch(() => {}); // also without a connection
  move(room().name);
}

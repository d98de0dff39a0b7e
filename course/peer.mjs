// What Node.js does with the same events, for `bench` to compare: an `ask` is acknowledged, and everybody hears of it.
// node course/peer.mjs PORT REDIS_URL

import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const [port, url] = process.argv.slice(2);
const told = createClient({ url }), heard = told.duplicate();
await Promise.all([told.connect(), heard.connect()]);

const board = new Server(Number(port), { adapter: createAdapter(told, heard) }).of("/board");
let seq = 0;

board.on("connection", (socket) => socket.on("ask", ({ text, author = "" }, ack) => {
  seq += 1;
  const asked_at = new Date().toISOString();
  const question = { id: seq, text, author, votes: 0, answered: false, asked_at };
  ack({ ok: true, question: { ...question, mine: true, voted: false } });
  board.emit("question_asked", { seq, question });
}));

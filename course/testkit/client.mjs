// The browser's Socket.IO client under Node.js: connects, says line by line what happens, and does what it is told.
import { createInterface } from "node:readline";
import { Manager } from "socket.io-client";

const [url, text] = process.argv.slice(2);
const { namespaces, transports, headers, auth, answers, reconnection } = JSON.parse(text);
const withCredentials = !headers.Cookie; // keeps cookies that it is given; it cannot do both
const how = { transports, withCredentials, reconnection, reconnectionDelay: 100 };
const manager = new Manager(url, { ...how, extraHeaders: headers });
const say = (what, words) => {
  console.log(JSON.stringify({ what, transport: manager.engine?.transport.name, ...words }));
};
const sockets = {};

for (const namespace of namespaces) {
  const socket = (sockets[namespace] = manager.socket(namespace, { auth }));
  socket.on("connect", () => {
    manager.engine.on("upgrade", () => say("upgrade"));
    say("connect", { namespace, sid: socket.id });
  });
  socket.on("disconnect", () => say("disconnect", { namespace }));
  socket.on("connect_error", (error) => say("connect_error", { namespace, why: error.message }));
  socket.onAny((type, ...all) => {
    const ack = typeof all.at(-1) === "function" ? all.pop() : undefined;
    say("event", { namespace, type, arguments: all });
    ack?.(answers[type]);
  });
}
for await (const line of createInterface({ input: process.stdin })) {
  const { number, namespace, type, arguments: all } = JSON.parse(line);
  const ack = (...answer) => say("ack", { number, arguments: answer });
  sockets[namespace].emit(type, ...all, ...(number === undefined ? [] : [ack]));
}
for (const socket of Object.values(sockets)) socket.disconnect();
setTimeout(() => process.exit(), 100); // the goodbye is on its way

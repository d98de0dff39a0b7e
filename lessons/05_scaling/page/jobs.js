// Work that takes a while: starts an export, and shows how far it is. It is told over the socket; if that breaks, or
// there is none, the event stream of the job goes on from the last number.
import * as api from "./api.js";
import { API_URL } from "./config.js";
import { jobs, ackOf } from "./socket.js";
import { listen } from "./stream.js";

const place = document.querySelector("#job");
const [bar, note, link] = place.children;

/** Export the questions of a room; returns when the file can be fetched, raises what went wrong. */
export async function exportQuestions(room) {
  const ack = await ackOf(jobs, "start_export", { room });
  if (ack?.error) throw new api.Problem(ack.error);
  const { job } = ack ?? (await api.startExport(room));
  bar.value = 0;
  note.textContent = "";
  link.hidden = true;
  place.hidden = false;
  const { url, error } = await done(job, ack && jobs);
  if (error) {
    place.hidden = true;
    throw new api.Problem(error);
  }
  link.href = API_URL + url;
  link.hidden = false;
  return "The export is ready.";
}

/** What the job says when it is done. */
function done(job, socket) {
  return new Promise((resolve) => {
    let stream;
    let last = 0; // as the number before its first event
    const handlers = {
      job_progress(report) {
        last = report.seq;
        bar.value = report.percent;
        note.textContent = report.note;
      },
      job_done(end) {
        stream?.close();
        socket?.off();
        resolve(end);
      },
    };
    const takeOver = () => {
      socket?.off();
      stream = listen(`job:${job}`, handlers, last);
    };
    if (!socket?.connected) return takeOver();
    for (const type of Object.keys(handlers)) socket.on(type, (data) => data.job === job && handlers[type](data));
    socket.on("disconnect", takeOver);
  });
}

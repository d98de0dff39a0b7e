// Starts an export, and shows its progress. The reports come over the socket. If there is no socket, or it breaks or is
// silent, the job's event stream continues from the last number.
import * as api from "./api.js";
import { API_URL } from "./config.js";
import { jobs, ackOf } from "./socket.js";
import { listen } from "./stream.js";

const SILENCE = 2000; // milliseconds without a report until the event stream takes over
const place = document.querySelector("#job");
const [bar, note, link] = place.children;

/** Export the questions. Returns when the file can be fetched; throws api.Problem if the export fails. */
export async function exportQuestions() {
  const ack = await ackOf(jobs, "start_export");
  const { job } = ack ?? (await api.startExport());
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

/** Resolves with the data of the job's job_done event. */
function done(job, socket) {
  return new Promise((resolve) => {
    let stream;
    let last = 0; // the number before the job's first event
    const handlers = {
      job_progress(report) {
        clearTimeout(silent);
        last = report.seq;
        bar.value = report.percent;
        note.textContent = report.note;
      },
      job_done(end) {
        clearTimeout(silent);
        stream?.close();
        socket?.off();
        resolve(end);
      },
    };
    const takeOver = () => {
      clearTimeout(silent);
      socket?.off();
      stream = listen(`job:${job}`, handlers, last);
    };
    const silent = setTimeout(takeOver, SILENCE);
    if (!socket?.connected) return takeOver();
    for (const type of Object.keys(handlers)) socket.on(type, (data) => data.job === job && handlers[type](data));
    socket.on("disconnect", takeOver);
  });
}

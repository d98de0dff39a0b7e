// Work that takes a while: starts an export, and shows how far it is by listening to the job's own channel.
import * as api from "./api.js";
import { API_URL } from "./config.js";
import { listen } from "./stream.js";

const place = document.querySelector("#job");
const [bar, note, link] = place.children;

/** Export the questions; returns when the file can be fetched, raises what went wrong. */
export async function exportQuestions() {
  const { job } = await api.startExport();
  bar.value = 0;
  note.textContent = "";
  link.hidden = true;
  place.hidden = false;
  const { url, error } = await done(job);
  if (error) {
    place.hidden = true;
    throw new api.Problem(error);
  }
  link.href = API_URL + url;
  link.hidden = false;
  return "The export is ready.";
}

/** What the job says when it is done. */
function done(job) {
  return new Promise((resolve) => {
    const handlers = {
      job_progress(report) {
        bar.value = report.percent;
        note.textContent = report.note;
      },
      job_done(end) {
        stream.close();
        resolve(end);
      },
    };
    const stream = listen(`job:${job}`, handlers, 0); // from its first event on: it began before we listen
  });
}

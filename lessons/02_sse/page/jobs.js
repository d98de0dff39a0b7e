// Starts an export, and shows its progress by listening to the job's own channel.
import * as api from "./api.js";
import { API_URL } from "./config.js";
import { listen } from "./stream.js";

const place = document.querySelector("#job");
const [bar, note, link] = place.children;

/** Export the questions. Returns when the file can be fetched; throws api.Problem if the export fails. */
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

/** Resolves with the data of the job's job_done event. */
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
    const stream = listen(`job:${job}`, handlers, 0); // from its first event: the job starts before the page listens
  });
}

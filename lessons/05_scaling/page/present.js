// Presents the board to a whole class. F2 starts and ends it, Escape ends it, and ?present in the URL starts it.
const list = document.querySelector("#questions");

function present(on) {
  document.body.classList.toggle("presenting", on);
  list.inert = on; // the class only reads it
  const address = new URL(location);
  if (on) address.searchParams.set("present", "");
  else address.searchParams.delete("present");
  history.replaceState(null, "", address); // so that a reload shows the same
}

document.addEventListener("keydown", ({ key }) => {
  const on = document.body.classList.contains("presenting");
  if (key === "F2") present(!on);
  else if (key === "Escape" && on) present(false);
});
if (new URL(location).searchParams.has("present")) present(true);

"use strict";

// The length of a field with a limit, such as a name.
addEventListener("input", (event) => {
  const field = event.target;
  const counter = field.dataset?.counter && document.getElementById(field.dataset.counter);
  if (counter) counter.textContent = `${[...field.value].length} of ${field.maxLength}`;
});

// A page that htmx cannot load is loaded by the browser, so that its error is seen.
addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 403) location.reload();
});

// The list is loaded again by itself, but not while somebody is choosing workflows in it.
addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.id === "refresh" && document.querySelector("#list :checked, #list :focus")) event.preventDefault();
});

// A variable goes to the cursor of the text that was edited last.
let edited = null;
addEventListener("focusin", (event) => {
  if (event.target.matches?.("#languages input:not([type=hidden]), #languages textarea")) edited = event.target;
});
addEventListener("click", (event) => {
  const inserted = event.target.dataset?.insert;
  const field = edited?.isConnected ? edited : document.querySelector("#languages textarea");
  if (!inserted || !field) return;
  field.setRangeText(inserted, field.selectionStart, field.selectionEnd, "end");
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

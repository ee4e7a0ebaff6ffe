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

// What is typed while the rows of a segment are on their way is put into the new rows.
const typedFields = "#rows input:not([type=hidden], [type=checkbox])";
let sent = null;
let typed = [];
addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target?.id !== "rows") return;
  sent = new Map([...document.querySelectorAll(typedFields)].map((one) => [one.id, one.value]));
});
addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id !== "rows" || !sent) return;
  const action = event.detail.requestConfig?.parameters?.action ?? "";
  const fields = /^(remove|up|down)/.test(action) ? [] : [...document.querySelectorAll(typedFields)];
  typed = fields.filter((one) => sent.has(one.id) && sent.get(one.id) !== one.value).map((one) => [one.id, one.value]);
});
addEventListener("htmx:afterSettle", () => {
  for (const [id, value] of typed.splice(0)) {
    const field = document.getElementById(id);
    if (!field || field.value === value) continue;
    field.value = value;
    for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, { bubbles: true }));
  }
});

// A sentence that is being edited is not replaced by what the controls say.
addEventListener("htmx:oobBeforeSwap", (event) => {
  const shown = event.detail.target.querySelector?.("input[name^=sentence-was-]");
  if (shown && shown.value !== shown.nextElementSibling.value) event.detail.shouldSwap = false;
});

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

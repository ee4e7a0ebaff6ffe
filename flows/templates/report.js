"use strict";
const list = document.querySelector("#list");
const rows = [...document.querySelectorAll("#list tbody tr")];
const articles = [...document.querySelectorAll("article")];
const text = document.querySelector("#text");
const state = document.querySelector("#state");

function show() {
  const chosen = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const article = articles.includes(chosen) ? chosen : null;
  list.classList.toggle("hidden", article !== null);
  for (const one of articles) one.classList.toggle("hidden", one !== article);
  if (article) article.querySelector("h2").focus();
  scrollTo(0, 0);
}

function filter() {
  const wanted = text.value.trim().toLowerCase();
  let shown = 0;
  for (const row of rows) {
    const fits = (!state.value || row.dataset.state === state.value) && row.dataset.words.toLowerCase().includes(wanted);
    row.classList.toggle("hidden", !fits);
    shown += fits;
  }
  document.querySelector("#shown").textContent = `${shown} of ${rows.length} workflows`;
}

function sort(heading) {
  const column = heading.cellIndex;
  const isText = heading.dataset.sort === "text";
  const before = heading.getAttribute("aria-sort");
  const up = before === null ? isText : before === "descending";
  for (const one of heading.parentNode.cells) one.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  const value = (row) => row.cells[column].dataset.value;
  const compare = isText ? (a, b) => value(a).localeCompare(value(b)) : (a, b) => Number(value(a)) - Number(value(b));
  rows.sort((a, b) => (up ? compare(a, b) : compare(b, a)));
  document.querySelector("#list tbody").append(...rows);
}

for (const button of document.querySelectorAll("#list th button")) {
  button.addEventListener("click", () => sort(button.closest("th")));
}
text.addEventListener("input", filter);
state.addEventListener("change", filter);
addEventListener("hashchange", show);
document.querySelector(".controls").classList.remove("hidden");
filter();
show();

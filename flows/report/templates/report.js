"use strict";
const list = document.querySelector("#list");
const rows = [...document.querySelectorAll("#list tbody tr")];
const articles = [...document.querySelectorAll("article")];
const text = document.querySelector("#text");
const state = document.querySelector("#state");
const order = document.querySelector("#order");
const signs = [...document.querySelectorAll("[data-sign]")];

function show() {
  const chosen = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const article = articles.includes(chosen) ? chosen : null;
  list.classList.toggle("hidden", article !== null);
  for (const one of articles) one.classList.toggle("hidden", one !== article);
  const place = article?.querySelector("[data-message]");
  if (place) {
    const message = document.getElementById(place.dataset.message);
    message.classList.remove("hidden");
    place.replaceChildren(message);
  }
  if (article) article.querySelector("h2").focus();
  scrollTo(0, 0);
}

function words(row) {
  return `${row.dataset.words} ${row.cells[0].textContent}`.toLowerCase();
}

function filter() {
  const wanted = text.value.trim().toLowerCase();
  const wantedSigns = signs.filter((one) => one.ariaPressed === "true").map((one) => one.dataset.sign);
  let shown = 0;
  for (const row of rows) {
    const signed = wantedSigns.length === 0 || wantedSigns.some((one) => row.dataset.signs.split(" ").includes(one));
    const fits = signed && (!state.value || row.dataset.state === state.value) && words(row).includes(wanted);
    row.classList.toggle("hidden", !fits);
    shown += fits;
  }
  document.querySelector("#shown").textContent = `${shown} of ${rows.length} workflows`;
}

function turn(heading) {
  const before = heading.getAttribute("aria-sort");
  sort(heading, before === null ? heading.dataset.sort === "text" : before === "descending");
}

function sort(heading, up) {
  const column = heading.cellIndex;
  const isText = heading.dataset.sort === "text";
  for (const one of heading.parentNode.cells) one.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  const value = (row) => row.cells[column].firstChild.textContent.trim();
  const number = (row) => Number.parseFloat(value(row).replaceAll(",", "")) || 0;
  const compare = isText ? (a, b) => value(a).localeCompare(value(b)) : (a, b) => number(a) - number(b);
  rows.sort((a, b) => (up ? compare(a, b) : compare(b, a)));
  document.querySelector("#list tbody").append(...rows);
  order.selectedIndex = column;
}

for (const button of document.querySelectorAll("#list th button")) {
  button.addEventListener("click", () => turn(button.closest("th")));
  order.add(new Option(button.textContent));
}
order.addEventListener("change", () => {
  const heading = document.querySelectorAll("#list th")[order.selectedIndex];
  sort(heading, heading.dataset.sort === "text");
});
for (const button of signs) {
  button.addEventListener("click", () => {
    button.ariaPressed = String(button.ariaPressed !== "true");
    filter();
  });
}
text.addEventListener("input", filter);
state.addEventListener("change", filter);
addEventListener("hashchange", show);
document.querySelector(".controls").classList.remove("hidden");
filter();
show();

// Keys: a link or a button with data-key is what its key does, unless somebody is typing. "?" lists them.
"use strict";

const typing = (element) =>
  element.closest("input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]") !== null;
const shown = (element) => element.checkVisibility();

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.key === "Escape") {
    for (const details of document.querySelectorAll("details.choose[open]")) details.open = false;
    if (typing(event.target)) event.target.blur();
  }
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  const target = [...document.querySelectorAll(`[data-key="${CSS.escape(event.key)}"]`)].find(shown);
  if (!target) return;
  event.preventDefault();
  target.click();
});

// A link that has a dialog opens it; without scripts it leads to a page that says the same.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link) return;
  event.preventDefault();
  document.getElementById(link.dataset.dialog).showModal();
});

// A list of choices that opens takes the focus, and closes the other one.
document.addEventListener("toggle", (event) => {
  if (!event.target.matches("details.choose") || !event.target.open) return;
  for (const details of document.querySelectorAll("details.choose[open]")) {
    if (details !== event.target) details.open = false;
  }
  event.target.querySelector("button").focus();
}, true);

// A form is sent once: a second click, also on another form, does nothing for two seconds. Not for longer: whoever
// stopped the first may try again, and what was done already is not done twice.
let sent = -Infinity;
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post" || event.submitter?.formMethod === "dialog") return;
  if (event.timeStamp - sent < 2000) {
    event.preventDefault();
    return;
  }
  sent = event.timeStamp;
});
window.addEventListener("pageshow", () => {
  sent = -Infinity;
});

// A slider and the number beside it say the same; only the number is sent.
document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.dataset.for) {
    document.getElementById(field.dataset.for).value = field.value;
  } else if (field.id) {
    const slider = document.querySelector(`[data-for="${CSS.escape(field.id)}"]`);
    if (slider) slider.value = field.value;
  }
}, true);

// What was answered before is not adopted while something else is asked, or cannot be read.
const unread = () => [...document.querySelectorAll('#levers input[type="number"]')].some((field) => !field.checkValidity());
const hold = (held) => {
  for (const button of document.querySelectorAll('form[action="/adopt"] button')) button.disabled = held;
  const note = document.getElementById("unread");
  if (note) note.hidden = !unread();
};
document.addEventListener("input", (event) => {
  if (event.target.closest("#levers")) hold(true);
}, true);
document.addEventListener("htmx:afterSettle", () => hold(unread()));

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-Ledger-Form"] = document.querySelector('meta[name="ledger-form"]').content;
});

// What is refused is shown where the answer would stand.
document.addEventListener("htmx:beforeSwap", (event) => {
  event.detail.shouldSwap = true;
});

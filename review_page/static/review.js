// Keys: a link or a button with data-key is what its key does, unless somebody is typing. "?" lists them.
"use strict";

const typing = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.key === "Escape" && event.target.blur) event.target.blur();
  if (typing(event.target)) return;
  if (event.key === "?") {
    const help = document.getElementById("keys");
    if (help) help.showModal();
    return;
  }
  const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (target) {
    event.preventDefault();
    target.click();
  }
});

// A form is sent once: a second click while it is on its way does nothing.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) {
    event.preventDefault();
    return;
  }
  event.target.dataset.sent = "1";
});

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-Ledger-Form"] = document.querySelector('meta[name="ledger-form"]').content;
});

// Swaps the parts of the page that the hub says have changed, sends forms without a reload, and knows
// a few keys. Everything shown was rendered and escaped by the hub; without this script the page is
// the same, as of its last load.
"use strict";

const connection = document.getElementById("connection");
const waiting = new Set();
let swapping = false;

// A part in which somebody writes is left alone until they are done.
function isInUse(part) {
  const written = [...part.querySelectorAll("textarea, input:not([type=hidden])")].some(
    (field) => field === document.activeElement || field.value !== field.defaultValue,
  );
  return written || [...part.querySelectorAll("option[selected]")].some((option) => !option.selected);
}

async function swap() {
  if (swapping) return;
  swapping = true;
  for (const part of waiting) {
    if (!part.isConnected) waiting.delete(part);
    else if (!isInUse(part) && !(await fetched(part))) break;
  }
  swapping = false;
}

async function fetched(part) {
  waiting.delete(part);
  try {
    const answer = await fetch(part.dataset.part);
    if (answer.status === 401) location.reload();
    else if (answer.ok) {
      const html = await answer.text();
      // Somebody may have begun to write meanwhile.
      if (isInUse(part)) waiting.add(part);
      else replace(part, html);
    }
    return true;
  } catch {
    // The hub is away: this part is asked for again when the stream is back.
    waiting.add(part);
    return false;
  }
}

function replace(part, html) {
  const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const open = [...part.querySelectorAll("details")].map((details) => details.open);
  part.innerHTML = html;
  part.querySelectorAll("details").forEach((details, i) => { details.open = open[i] ?? details.open; });
  if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
}

// What agents print is added as text; only its end is kept.
const LONGEST = 200000;

function write({ into, text, reset }) {
  const place = document.querySelector(`[data-text="${CSS.escape(into)}"]`);
  if (!place) return;
  const isAtEnd = place.scrollHeight - place.scrollTop - place.clientHeight < 40;
  place.textContent = ((reset ? "" : place.textContent) + text).slice(-LONGEST);
  if (isAtEnd || reset) place.scrollTop = place.scrollHeight;
}

let stream;

function listen() {
  const wanted = new URLSearchParams(document.querySelector("[data-listen]")?.dataset.listen);
  wanted.set("after", document.body.dataset.after);
  stream = new EventSource("/live?" + wanted);
  stream.addEventListener("text", (message) => write(JSON.parse(message.data)));
  stream.onopen = () => {
    connection.textContent = "live";
    swap();
  };
  stream.onerror = () => { connection.textContent = "the hub does not answer; waiting for it"; };
  stream.onmessage = (message) => {
    const changed = new Set(message.data.split(" "));
    for (const part of document.querySelectorAll("[data-on]")) {
      if (part.dataset.on.split(" ").some((word) => changed.has(word))) waiting.add(part);
    }
    swap();
  };
}

// What the hub refuses is said below the form, and nothing that was written is lost.
async function send(form, to) {
  const said = form.querySelector(".refused") ?? form.appendChild(document.createElement("p"));
  said.className = "refused";
  said.setAttribute("role", "alert");
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch(to, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (answer.ok) {
      said.remove();
      form.reset();
      // Who sent it by a key is still in a field of it; what was sent is done with.
      if (form.contains(document.activeElement)) document.activeElement.blur();
      form.closest("[data-part]")?.dispatchEvent(new Event("focusout", { bubbles: true }));
    } else {
      said.textContent = (await answer.json()).error.message;
    }
  } catch {
    said.textContent = "The hub does not answer. Nothing was sent.";
  }
  button.disabled = false;
}

function step(by) {
  const cards = [...document.querySelectorAll("a.card, .need h2 a")];
  const at = cards.indexOf(document.activeElement);
  cards[at < 0 ? 0 : Math.min(Math.max(at + by, 0), cards.length - 1)]?.focus();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-live]")) return;
  event.preventDefault();
  const to = event.submitter?.getAttribute("formaction") ?? form.action;
  if (!form.dataset.ask || confirm(form.dataset.ask)) send(form, to);
});
document.addEventListener("focusout", () => setTimeout(swap));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const named = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (named) {
    named.focus();
    if (named.matches("summary")) named.click();
  } else return;
  event.preventDefault();
});

// A browser may keep a page that was left, to show it again, and its stream with it. It opens no more
// than six connections to one hub, so that the next pages would wait for ever.
addEventListener("pagehide", () => stream.close());
addEventListener("pageshow", (event) => { if (event.persisted) listen(); });

listen();

// Swaps the parts of the page that the hub says have changed, sends forms without a reload, and knows
// a few keys. Everything shown was rendered and escaped by the hub; without this script the page is
// the same, as of its last load.
"use strict";

const connection = document.getElementById("connection");
const waiting = new Set();
// What was fetched last for each part.
const shown = new WeakMap();
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

// What is the same is left alone: what is selected stays selected, and no screen reader reads it again.
// What is focused or open stays so, wherever it is now.
function replace(part, html) {
  const known = shown.has(part) ? shown.get(part) === html : isAsServed(part, html);
  shown.set(part, html);
  if (known) return;
  const active = document.activeElement;
  const focused = part.contains(active) ? nameOf(active) : null;
  const open = new Set([...part.querySelectorAll("details[open]")].map(nameOf));
  part.innerHTML = html;
  for (const details of part.querySelectorAll("details")) details.open ||= open.has(nameOf(details));
  if (focused) [...part.querySelectorAll("a, button, summary")].find((e) => nameOf(e) === focused)?.focus();
}

function isAsServed(part, html) {
  const served = document.createElement("template");
  served.innerHTML = html;
  return served.innerHTML === part.innerHTML;
}

// What tells an element from the others of its part: where it leads or what it does; of what opens,
// what it says and the links of its row.
function nameOf(element) {
  if (element.matches("a")) return element.getAttribute("href");
  const form = element.closest("form");
  if (form) return [form.getAttribute("action"), element.textContent].join(" ");
  const row = element.closest("tr, article");
  const links = [...(row?.querySelectorAll("a") ?? [])].map((link) => link.getAttribute("href"));
  const said = element.querySelector("summary") ?? element;
  return [element.localName, said.textContent, ...links].join(" ");
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
// How long to wait after a refusal, in milliseconds.
const PAUSE = 5000;

// What happened since the page was made is told again, and a page whose login is over says so.
function again() {
  document.querySelectorAll("[data-part]").forEach((part) => waiting.add(part));
  swap();
  listen();
}

function listen() {
  const wanted = new URLSearchParams(document.querySelector("[data-listen]")?.dataset.listen);
  wanted.set("after", document.body.dataset.after);
  stream = new EventSource("/live?" + wanted);
  stream.addEventListener("text", (message) => write(JSON.parse(message.data)));
  stream.onopen = () => {
    connection.textContent = "live";
    // From here on a change of it is worth being read out.
    connection.setAttribute("role", "status");
    swap();
  };
  stream.onerror = () => {
    connection.textContent = "the hub does not answer; waiting for it";
    // A browser comes back by itself after a cut, but not after a refusal.
    if (stream.readyState === EventSource.CLOSED) setTimeout(again, PAUSE);
  };
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
  const cards = [...document.querySelectorAll("a.card, .need h2 a, tbody .number a, .activity .number, .waits li > a:first-child")];
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
// The keys are told at the foot of each page.
document.addEventListener("keydown", (event) => {
  const field = event.target.closest("input, textarea, select");
  if (field) return keyInField(event, field);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const named = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (named) go(named);
  else return;
  event.preventDefault();
});

function keyInField(event, field) {
  if (event.key === "Escape") field.blur();
  else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) field.form?.requestSubmit();
}

// A form that is folded away is opened to write in, a page is gone to.
function go(to) {
  to.focus();
  const field = to.matches("summary") ? to.parentElement.querySelector("input:not([type=hidden]), textarea") : null;
  if (field) {
    to.parentElement.open = true;
    field.focus();
  } else if (to.matches("summary, nav a")) to.click();
}

// A browser may keep a page that was left, to show it again, and its stream with it. It opens no more
// than six connections to one hub, so that the next pages would wait for ever.
addEventListener("pagehide", () => stream.close());
addEventListener("pageshow", (event) => { if (event.persisted) listen(); });

listen();

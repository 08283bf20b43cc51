// Swaps the parts of the page that the hub says have changed. Everything shown was rendered and
// escaped by the hub; without this script the page is the same, as of its last load.
"use strict";

const connection = document.getElementById("connection");
const waiting = new Set();
let swapping = false;

async function swap() {
  if (swapping) return;
  swapping = true;
  while (waiting.size > 0) {
    const [name] = waiting;
    waiting.delete(name);
    try {
      const answer = await fetch("/fragments/" + encodeURIComponent(name));
      const part = document.getElementById(name);
      if (answer.ok && part) part.innerHTML = await answer.text();
      else if (answer.status === 401) location.reload();
    } catch {
      // The hub is away: this part is asked for again when the stream is back.
      waiting.add(name);
      break;
    }
  }
  swapping = false;
}

function listen() {
  const stream = new EventSource("/live?after=" + encodeURIComponent(document.body.dataset.after));
  stream.onopen = () => {
    connection.textContent = "live";
    swap();
  };
  stream.onerror = () => { connection.textContent = "the hub does not answer; waiting for it"; };
  stream.onmessage = (message) => {
    for (const name of message.data.split(" ")) if (name) waiting.add(name);
    swap();
  };
}

listen();

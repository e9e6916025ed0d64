// Adds live updates to pages that work without scripts.
"use strict";

// The one-time code of a QR code is after the #, which browsers do not send. It is taken out of the address at once.
for (const input of document.querySelectorAll("input[data-code]")) {
  const code = decodeURIComponent(location.hash.slice(1));
  if (/^[0-9A-Za-z -]{10,16}$/.test(code)) {
    input.value = code;
    document.getElementById("password").focus();
  }
  history.replaceState(null, "", location.pathname);
}

// Sections that are loaded again: only the part that changed, so that a screen reader reads only that.
for (const section of document.querySelectorAll("[data-refresh][id]")) {
  const refresh = async () => {
    // 0: nothing will change any longer.
    const fresh = document.hidden || section.dataset.refresh === "0" ? null : await load(section.id);
    if (fresh) update(section, fresh);
  };
  setInterval(refresh, 1000 * (Number(section.dataset.refresh) || 60));
}

// An element as this page has it now; null if it cannot be loaded.
async function load(id) {
  try {
    const response = await fetch(location.href, { headers: { accept: "text/html" } });
    if (response.redirected || response.status === 401) location.reload();
    if (!response.ok || response.redirected) return null;
    return new DOMParser().parseFromString(await response.text(), "text/html").getElementById(id);
  } catch {
    // The console restarts, or the network is gone: the next time.
    return null;
  }
}

// Lists to which new events are added as the door records them. What is there stays, with the focus.
for (const list of document.querySelectorAll("[data-follow][id]")) {
  const status = document.getElementById("added");
  let source = null, waits = false;
  const add = async () => {
    waits = false;
    const fresh = await load(list.id);
    if (!fresh) return;
    const added = [...fresh.children].filter((item) => !document.getElementById(item.id));
    if (added.length === 0) return;
    // More than a page is new, or the list was empty.
    if (added.length === fresh.children.length) return location.reload();
    list.prepend(...added);
    status.textContent = `${status.dataset.text} ${added.length}`;
  };
  const follow = () => {
    if (document.hidden) return source?.close();
    source = new EventSource(list.dataset.follow);
    // The first time too: something may have happened since the page was made.
    source.onopen = source.onmessage = () => {
      if (!waits) setTimeout(add, 700);
      waits = true;
    };
    source.addEventListener("ended", () => location.reload());
  };
  document.addEventListener("visibilitychange", follow);
  follow();
}

// Makes an element as another one is, and leaves what is equal alone.
function update(element, fresh) {
  if (element.isEqualNode(fresh)) return;
  const children = [...element.childNodes], other = [...fresh.childNodes];
  const isSame = children.length === other.length &&
    children.every((child, at) => child.nodeName === other[at].nodeName);
  if (!isSame) return element.replaceChildren(...other);
  for (const { name, value } of fresh.attributes ?? []) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
  children.forEach((child, at) => {
    if (child.nodeType === Node.ELEMENT_NODE) update(child, other[at]);
    else if (child.nodeValue !== other[at].nodeValue) child.nodeValue = other[at].nodeValue;
  });
}

const live = document.getElementById("live");
if (live) watch(live);

function watch(live) {
  const canvas = live.querySelector("canvas"), context = canvas.getContext("2d");
  const faces = live.querySelector("[data-faces]"), message = live.querySelector("[data-message]");
  const [waiting, lost, nobody] = ["waiting", "lost", "nobody"].map((name) => live.querySelector(`[data-${name}]`));
  const prompt = document.getElementById("prompt");
  let head = null, pause = 1000, socket = null, promptEnd = null;

  const connect = () => {
    socket = new WebSocket(`wss://${location.host}${live.dataset.socket}`);
    socket.binaryType = "blob";
    waiting.hidden = false;
    socket.onmessage = async ({ data }) => {
      pause = 1000;
      if (typeof data === "string") {
        head = JSON.parse(data);
        if (head.ended) return location.reload();
        say(head.failed ?? "");
        ask(head.prompt);
        return;
      }
      const shown = head, picture = await createImageBitmap(data);
      waiting.hidden = lost.hidden = true;
      canvas.hidden = false;
      draw(picture, shown.faces);
      list(shown.faces);
    };
    socket.onclose = () => {
      lost.hidden = false;
      ask(null);
      if (!document.hidden) setTimeout(connect, pause);
      pause = Math.min(2 * pause, 30000);
    };
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) socket.close();
    else if (socket.readyState === WebSocket.CLOSED) connect();
  });
  connect();

  function draw(picture, found) {
    if (canvas.width !== picture.width) canvas.width = picture.width;
    if (canvas.height !== picture.height) canvas.height = picture.height;
    context.drawImage(picture, 0, 0);
    picture.close();
    // For the meters of the camera, before anything is drawn on it.
    canvas.dispatchEvent(new Event("picture"));
    const size = Math.max(14, canvas.width / 36);
    context.lineWidth = Math.max(2, canvas.width / 240);
    context.font = `600 ${size}px system-ui, sans-serif`;
    for (const face of found) {
      context.strokeStyle = context.fillStyle = face.known ? "#4ade80" : "#fbbf24";
      context.strokeRect(face.x, face.y, face.width, face.height);
      const width = context.measureText(face.label).width + size;
      const top = Math.max(0, face.y - 1.5 * size);
      context.fillRect(face.x, top, width, 1.5 * size);
      context.fillStyle = "#000";
      context.fillText(face.label, face.x + size / 2, top + 1.1 * size);
    }
  }

  // Only when the words change, so that a screen reader is not busy all the time.
  function list(found) {
    const words = found.map((face) => face.advice ? `${face.label}: ${face.advice}` : face.label);
    if (words.length === 0) words.push(nobody.textContent);
    if ([...faces.children].map((item) => item.textContent).join("\n") === words.join("\n")) return;
    faces.replaceChildren(...words.map((word) => Object.assign(document.createElement("li"), { textContent: word })));
  }

  // What the person before the door should do: until the next picture has another prompt, or the time for it is over.
  function ask(asked) {
    if (!prompt) return;
    clearTimeout(promptEnd);
    if (asked?.ends_s != null) promptEnd = setTimeout(ask, 1000 * asked.ends_s);
    const text = asked?.text ?? "";
    if (prompt.textContent !== text) prompt.textContent = text;
  }

  function say(text) {
    if (message.textContent !== text) message.textContent = text;
  }
}

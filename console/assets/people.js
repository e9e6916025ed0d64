// Enrolling people: photos stay chosen when they are refused, and what the door says to the person is shown at once.
"use strict";

for (const form of document.querySelectorAll("form[data-upload]")) {
  const sending = form.querySelector("[data-sending]"), failed = form.querySelector("[data-failed]");
  const lost = failed.textContent;
  const tell = (why) => {
    failed.textContent = why;
    failed.hidden = false;
  };
  form.addEventListener("submit", async (event) => {
    if (event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    if (!sending.hidden) return;
    sending.hidden = false;
    failed.hidden = true;
    try {
      const response = await fetch(form.action, { method: "POST", body: new FormData(form) });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const refusal = page.getElementById("refusal");
      if (refusal) {
        // Only this part, so that the photos stay chosen.
        document.getElementById("refusal").replaceWith(refusal);
        refusal.querySelector("[role=alert]")?.focus();
      } else if (!response.ok) {
        // For example, another upload runs.
        tell(page.querySelector("#main [role=alert]").textContent);
      } else {
        document.title = page.title;
        document.getElementById("main").replaceWith(page.getElementById("main"));
        document.getElementById("main").focus();
      }
    } catch {
      tell(lost);
    }
    sending.hidden = true;
  });
}

for (const list of document.querySelectorAll("[data-prompts]")) {
  let next = Number(list.dataset.next);
  const connect = () => {
    const socket = new WebSocket(`wss://${location.host}${list.dataset.prompts}`);
    socket.onmessage = ({ data }) => {
      const { first, prompts, ended } = JSON.parse(data);
      prompts.forEach(({ text, lang }, at) => {
        if (first + at < next) return;
        const item = Object.assign(document.createElement("li"), { textContent: text });
        if (lang) item.lang = lang;
        list.append(item);
        next = first + at + 1;
      });
      list.parentElement.scrollTop = list.parentElement.scrollHeight;
      if (ended) location.reload();
    };
    socket.onclose = () => setTimeout(connect, 1000);
  };
  connect();
}

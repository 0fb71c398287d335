// Keeps the page's tables fresh: every two seconds the server renders them, and they are morphed in. Without this file the
// page shows them as of when it was loaded, and its forms still work.
"use strict";
(() => {
  const state = document.getElementById("stream");
  const text = document.getElementById("stream-text");
  const live = document.getElementById("scraping-live");
  const every = 2000;
  let timer = 0;
  let ended = false;

  // say changes the status, which screen readers are told of: only when it becomes another.
  function say(name, words) {
    if (state.dataset.state === name) return;
    state.dataset.state = name;
    text.textContent = words;
  }

  async function look() {
    clearTimeout(timer);
    if (ended || document.hidden) return;
    try {
      const answer = await fetch(state.dataset.live, { headers: { "HX-Request": "true" }, redirect: "error" });
      if (answer.status === 401 || answer.status === 403) return end();
      if (!answer.ok) throw new Error(answer.statusText);
      // Morphed, not replaced: focus, selection, scrolling and what was unfolded stay as they are.
      Idiomorph.morph(live, await answer.text(), { morphStyle: "innerHTML", ignoreActiveValue: true, callbacks: { beforeAttributeUpdated: (name) => name !== "open" } });
      say("live", "Live");
    } catch {
      say("waiting", "Interrupted");
    }
    timer = setTimeout(look, every);
  }

  function end() {
    ended = true;
    say("ended", "");
    const login = document.createElement("a");
    login.href = state.dataset.login;
    login.textContent = "Session ended: log in";
    text.replaceChildren(login);
  }

  document.addEventListener("visibilitychange", look);
  document.getElementById("said")?.focus();
  look();
})();

"use strict";
(() => {
  const EVERY = 2000, LONGEST = 30000, PATIENCE = 10000;
  const live = document.getElementById("live");
  let pause = EVERY, timer, busy = false, seen = new Date();

  function say(state, text) {
    // Said once, not at every refresh: it is read aloud.
    if (live.textContent !== text) live.textContent = text;
    live.dataset.state = state;
  }

  function marked() {
    const selection = document.getSelection();
    return selection && !selection.isCollapsed;
  }

  // The new page was escaped by the server, and is parsed without running anything in it.
  function swap(text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    if (page.documentElement.dataset.version !== document.documentElement.dataset.version) return location.reload();
    const old = document.querySelector("main"), fresh = document.adoptNode(page.querySelector("main"));
    const focus = old.contains(document.activeElement) && document.activeElement.id;
    const kept = [...old.querySelectorAll("[id]")].map((e) => [e.id, e.scrollLeft, e.scrollTop, e.open]);
    old.replaceWith(fresh);
    for (const [id, left, top, open] of kept) {
      const element = document.getElementById(id);
      if (!element) continue;
      if (open) element.open = true;
      element.scrollLeft = left;
      element.scrollTop = top;
    }
    if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
  }

  async function refresh() {
    clearTimeout(timer);
    if (busy || document.hidden) return;
    busy = true;
    const control = new AbortController(), limit = setTimeout(() => control.abort(), PATIENCE);
    try {
      const answer = await fetch(location.href, { cache: "no-store", signal: control.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      if (!marked()) swap(text);
      seen = new Date();
      pause = EVERY;
      say("on", "live");
    } catch {
      pause = Math.min(pause * 2, LONGEST);
      say("off", `The daemon does not answer. This is how things stood at ${seen.toLocaleTimeString()}.`);
    } finally {
      clearTimeout(limit);
      busy = false;
      timer = setTimeout(refresh, pause);
    }
  }

  document.addEventListener("visibilitychange", refresh);
  say("on", "live");
  timer = setTimeout(refresh, EVERY);
})();

// Keeps marked parts of a page as the coordinator sends them, over server-sent events.
// A lost connection is taken up again by itself; what a person has open or focused stays.
"use strict";

(() => {
  const RETRY_MS = 1000;
  const lost = new Set();
  const status = document.getElementById("connection");

  function tell(part, isLost) {
    if (isLost) lost.add(part); else lost.delete(part);
    status.hidden = lost.size === 0;
    status.textContent = lost.size ? "The coordinator does not answer. Trying again …" : "";
  }

  function describe(element) {
    if (!element) return "";
    const link = element.getAttribute("href");
    if (link) return `[href="${CSS.escape(link)}"]`;
    if (element.id) return `#${CSS.escape(element.id)}`;
    return element.tagName === "SUMMARY" ? `#${element.parentElement.id} > summary` : element.tagName;
  }

  function swap(part, html) {
    const before = document.activeElement;
    const focused = part.contains(before) ? describe(before) : "";
    const details = new Map([...part.querySelectorAll("details[id]")].map((one) => [one.id, one.open]));
    window.helpCharts.clear(part);
    part.innerHTML = html;
    for (const one of part.querySelectorAll("details[id]")) {
      if (details.has(one.id)) one.open = details.get(one.id);
    }
    if (focused) part.querySelector(focused)?.focus();
    window.helpCharts.draw(part);
  }

  function isOver(part) {
    const state = part.querySelector("[data-state]");
    return state !== null && state.dataset.state !== "running";
  }

  function follow(part) {
    if (isOver(part)) return;
    let source;
    const again = () => {
      source.close();
      setTimeout(() => follow(part), RETRY_MS);
    };
    source = new EventSource(part.dataset.live);
    source.onopen = () => tell(part, false);
    source.onmessage = (event) => {
      tell(part, false);
      swap(part, event.data);
      if (isOver(part)) source.close();
    };
    source.addEventListener("login", () => location.reload());
    source.addEventListener("trouble", () => { tell(part, true); again(); });
    source.onerror = () => {
      tell(part, true);
      // The browser retries a broken stream by itself, but not a refused request.
      if (source.readyState === EventSource.CLOSED) again();
    };
    window.addEventListener("pagehide", () => source.close(), { once: true });
  }

  for (const part of document.querySelectorAll("[data-live]")) follow(part);
})();

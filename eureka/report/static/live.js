// Updates a page when the server sends a new version: fetches it again and replaces the live part. Open details,
// inputs and focus are kept. The server escapes all text, and a parsed document does not run scripts.
"use strict";
(() => {
  const follow = document.body.dataset.follow;
  const live = document.getElementById("live");
  const state = document.getElementById("connection");
  if (!follow || !live || !window.EventSource) return;
  let version = document.body.dataset.version;
  let wanted = version;
  let busy = false;

  const key = (element) => [
    element.tagName, element.id, element.getAttribute("href"), element.getAttribute("name"), element.getAttribute("value"),
    element.closest("[data-key]")?.dataset.key, element.textContent.slice(0, 60),
  ].join("|");
  const opened = (root) => [...root.querySelectorAll("details")];

  function replace(fresh) {
    const open = new Map(opened(live).map((details) => [key(details.firstElementChild), details.open]));
    const inputs = new Map([...live.querySelectorAll("input, select")].map((i) => [key(i), [i.checked, i.value]]));
    const focused = live.contains(document.activeElement) ? key(document.activeElement) : null;
    for (const details of opened(fresh)) {
      const before = open.get(key(details.firstElementChild));
      if (before !== undefined) details.open = before;
    }
    const old = document.getElementById("status").textContent;
    live.replaceChildren(...fresh.childNodes);
    for (const input of live.querySelectorAll("input, select")) {
      const before = inputs.get(key(input));
      if (before) { input.checked = before[0]; if (input.tagName === "SELECT") input.value = before[1]; }
    }
    if (focused) {
      const again = [...live.querySelectorAll("a, button, input, select, summary, [tabindex]")].find((e) => key(e) === focused);
      if (again) again.focus({ preventScroll: true });
    }
    const said = live.dataset.said;
    if (said && said !== old) document.getElementById("status").textContent = said;
  }

  async function refresh() {
    if (busy) return;
    busy = true;
    try {
      while (wanted !== version) {
        const aim = wanted;
        const response = await fetch(location.href, { credentials: "same-origin" });
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const fresh = page.getElementById("live");
        if (fresh) {
          live.dataset.said = fresh.dataset.said || "";
          replace(fresh);
        }
        version = aim;
      }
    } catch {
      // The server is not reachable. The event source reports this and reconnects.
    } finally {
      busy = false;
    }
  }

  // Browsers limit connections per host, so only visible pages keep one.
  let source = null;
  function connect() {
    if (source || document.hidden) return;
    source = new EventSource(follow);
    source.onopen = () => { state.textContent = "live"; state.className = "live"; };
    source.onerror = () => { state.textContent = "not connected"; state.className = "lost"; };
    source.onmessage = (message) => { wanted = message.data; refresh(); };
  }
  function disconnect() {
    source?.close();
    source = null;
  }
  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
  window.addEventListener("pagehide", disconnect);
  window.addEventListener("pageshow", connect);
  connect();
})();

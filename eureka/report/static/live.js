// Updates a page when the server sends a new version: fetches it again and replaces the live part. Open details,
// inputs and focus are kept. The server escapes all text, and a parsed document does not run scripts.
"use strict";
(() => {
  const follow = document.body.dataset.follow;
  const live = document.getElementById("live");
  const state = document.getElementById("connection");
  document.documentElement.classList.add("scripts");
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    const [text, label] = [button.dataset.copy, button.textContent];
    const done = await navigator.clipboard.writeText(text).then(() => "copied", () => "not allowed");
    button.textContent = document.getElementById("status").textContent = done;
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  if (!follow || !live || !window.EventSource) return;
  let version = document.body.dataset.version;
  let wanted = version;
  let busy = false;
  let stale = false; // the address has changed

  const key = (element) => element.id || [
    element.tagName, element.getAttribute("href"), element.getAttribute("name"), element.getAttribute("value"),
    element.closest("[data-key]")?.dataset.key, element.textContent.slice(0, 60),
  ].join("|");
  const opened = (root) => [...root.querySelectorAll("details")];

  function replace(fresh) {
    const open = new Map(opened(live).map((details) => [key(details.firstElementChild), details.open]));
    const inputs = new Map([...live.querySelectorAll("input, select, textarea")].map((i) => [key(i), [i.checked, i.value, i.selectionStart]]));
    const focused = live.contains(document.activeElement) ? key(document.activeElement) : null;
    for (const details of opened(fresh)) {
      const before = open.get(key(details.firstElementChild));
      if (before !== undefined) details.open = before;
    }
    const old = document.getElementById("status").textContent;
    live.replaceChildren(...fresh.childNodes);
    for (const input of live.querySelectorAll("input, select, textarea")) {
      const before = inputs.get(key(input));
      if (before && input.type === "checkbox") input.checked = before[0];
      else if (before) input.value = before[1];
    }
    if (focused) {
      const again = [...live.querySelectorAll("a, button, input, select, textarea, summary, [tabindex]")].find((e) => key(e) === focused);
      if (again) again.focus({ preventScroll: true });
      if (again?.type === "search") again.setSelectionRange(inputs.get(focused)[2], inputs.get(focused)[2]);
    }
    const said = live.dataset.said;
    if (said && said !== old) document.getElementById("status").textContent = said;
  }

  async function refresh() {
    if (busy) return;
    busy = true;
    try {
      while (stale || wanted !== version) {
        stale = false;
        const aim = wanted;
        const response = await fetch(location.href, { credentials: "same-origin" });
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const fresh = page.getElementById("live");
        if (fresh) {
          live.dataset.said = fresh.dataset.said || "";
          replace(fresh);
          tick();
          document.title = page.title;
        }
        version = aim;
      }
    } catch {
      // The server is not reachable. The event source reports this and reconnects.
    } finally {
      busy = false;
    }
  }

  function tick() {
    for (const time of live.querySelectorAll("time[data-since], time[data-until]")) {
      const { since, until } = time.dataset;
      const seconds = Math.max(0, Math.floor(since ? Date.now() / 1000 - since : until - Date.now() / 1000));
      const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, String(seconds % 60).padStart(2, "0")];
      time.textContent = hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
    }
  }
  setInterval(tick, 1000);

  // The list is filtered as one types; its form works without this script. What was chosen before the script ran, or
  // restored by the browser, counts too.
  let typed = 0;
  const query = (pairs) => new URLSearchParams([...pairs].filter(([, value]) => value)).toString();
  function filter() {
    const form = live.querySelector("form.filter");
    const given = form ? query(new FormData(form)) : "";
    if (!form || given === query(new URLSearchParams(location.search))) return;
    history.replaceState(null, "", given ? `/?${given}` : "/");
    stale = true;
    refresh();
  }
  live.addEventListener("input", (event) => {
    if (!event.target.closest("form.filter") || event.isComposing) return;
    clearTimeout(typed);
    typed = setTimeout(filter, 200);
  });
  filter();

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

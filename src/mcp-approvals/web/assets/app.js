// Keeps the pages up to date. Everything works without it.
"use strict";

(() => {
  const skew = Number(document.body.dataset.now) - Date.now();
  const now = () => Date.now() + skew;

  const announce = (text) => {
    const place = document.getElementById("announcement");
    if (place) place.textContent = text;
  };

  // As the server writes distances.
  const distance = (ms) => {
    const seconds = Math.floor(Math.max(ms, 0) / 1000);
    const minutes = Math.floor(seconds / 60);
    const hours = Math.floor(minutes / 60);
    if (minutes < 1) return `${seconds} s`;
    if (hours < 1) return `${minutes} min`;
    if (hours < 24) return `${hours} h ${minutes % 60} min`;
    return `${Math.floor(hours / 24)} d`;
  };

  const write = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };

  const tick = () => {
    for (const element of document.querySelectorAll("time[data-since]")) {
      write(element, `${distance(now() - Number(element.dataset.since))} ago`);
    }
    for (const element of document.querySelectorAll("time[data-until]")) {
      const left = Number(element.dataset.until) - now();
      write(element, left > 0 ? `in ${distance(left)}` : "now");
      element.classList.toggle("soon", left < 120000);
    }
  };

  const title = document.title;
  const count = (list) => Number(list.dataset.count);
  const ids = (list) => new Set([...list.querySelectorAll("[data-id]")].map((call) => call.dataset.id));
  const show = (number) => {
    document.title = number > 0 ? `(${number}) ${title}` : title;
  };

  // Replaces the list, and keeps the focus on the call that had it.
  const state = (list) => [...list.querySelectorAll("[data-id]")].map((call) => `${call.dataset.id} ${call.dataset.times}`).join();
  const replace = (old, fresh) => {
    if (state(old) === state(fresh)) return;
    const before = ids(old);
    const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const list = document.importNode(fresh, true);
    const arrived = [...list.querySelectorAll("[data-id]")].filter((call) => !before.has(call.dataset.id));
    for (const call of arrived) call.classList.add("new");
    old.replaceWith(list);
    if (focused) {
      const again = [...list.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused);
      (again || document.getElementById("content")).focus({ preventScroll: true });
    }
    tick();
    show(count(list));
    const all = count(list) === 1 ? "1 call waits" : `${count(list)} calls wait`;
    if (arrived.length > 0) {
      const tool = arrived[arrived.length - 1].querySelector(".tool").textContent;
      announce(arrived.length === 1 ? `New: ${tool}. ${all}.` : `${arrived.length} new calls. ${all}.`);
    } else if (before.size !== ids(list).size) {
      announce(count(list) === 0 ? "Nothing waits any more." : `${all}.`);
    }
  };

  const get = async (address) => {
    const answer = await fetch(address, { credentials: "same-origin", redirect: "error", cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };

  const lookAtList = async () => {
    const old = document.getElementById("waiting");
    const fresh = (await get("/?fragment=list")).getElementById("waiting");
    if (old && fresh) replace(old, fresh);
  };

  // Says that an approval has changed, and leaves what was typed alone.
  const lookAtApproval = async (approval) => {
    const fresh = (await get(`/approvals/${approval.dataset.id}`)).querySelector("[data-status]");
    const notice = document.getElementById("changed");
    if (notice && fresh && fresh.dataset.status !== approval.dataset.status) notice.hidden = false;
  };

  // One look at a time; what changes during one leads to another.
  let looking = false;
  let again = false;
  const look = async () => {
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    try {
      const approval = document.querySelector("[data-status]");
      if (document.getElementById("waiting")) await lookAtList();
      else if (approval) await lookAtApproval(approval);
    } catch {
      live(false);
    }
    looking = false;
    if (again) {
      again = false;
      look();
    }
  };

  const live = (on) => {
    const place = document.getElementById("live");
    if (!place) return;
    place.parentElement.classList.toggle("on", on);
    if (on) {
      place.textContent = "Live";
    } else if (!place.querySelector("a")) {
      const link = document.createElement("a");
      link.href = "/";
      link.textContent = "Look again";
      place.replaceChildren("Not live. ", link);
    }
  };

  tick();
  setInterval(tick, 1000);
  const list = document.getElementById("waiting");
  if (list) show(count(list));
  if (list || document.querySelector('[data-status="pending"]')) {
    const events = new EventSource("/events");
    events.addEventListener("open", () => {
      live(true);
      look();
    });
    events.addEventListener("changed", look);
    events.addEventListener("error", () => live(false));
    window.addEventListener("pagehide", () => events.close());
    // A page that comes back from the browser's memory is an old one.
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) window.location.reload();
    });
    // What expires makes no event.
    setInterval(look, 30000);
  }
  const fault = document.querySelector('[aria-invalid="true"]');
  if (fault) fault.focus();
})();

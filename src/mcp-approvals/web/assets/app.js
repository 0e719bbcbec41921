// Keeps the pages up to date. Every page also works without this script.
"use strict";

(() => {
  const skew = Number(document.body.dataset.now) - Date.now();
  const now = () => Date.now() + skew;

  const announce = (text) => {
    const place = document.getElementById("announcement");
    if (place) place.textContent = text;
  };

  // The same format as the server's.
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

  // Absolute times in the viewer's time zone, in the same form as the server's.
  const part = (options) => new Intl.DateTimeFormat("en-GB", options);
  const day = part({ day: "numeric", month: "long", year: "numeric" });
  const dayAndMonth = part({ day: "numeric", month: "long" });
  const time = part({ hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" });
  const hourAndMinute = part({ hour: "2-digit", minute: "2-digit" });
  const full = (ms) => `${day.format(ms)}, ${time.format(ms)}`;
  const brief = (ms) => {
    const today = day.format(ms) === day.format(now());
    return today ? hourAndMinute.format(ms) : `${dayAndMonth.format(ms)}, ${hourAndMinute.format(ms)}`;
  };
  const localize = () => {
    for (const element of document.querySelectorAll("time[data-moment]")) {
      const ms = Number(element.dataset.moment);
      write(element, full(ms));
      element.title = element.getAttribute("datetime");
    }
    for (const element of document.querySelectorAll("time[data-clock], time[data-since], time[data-until]")) {
      const { clock, since, until } = element.dataset;
      const ms = Number(clock || since || until);
      if (clock) write(element, brief(ms));
      element.title = full(ms);
    }
    const zone = document.getElementById("zone");
    const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone && name) write(zone, `Times are in your time zone, ${name}.`);
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

  // Replaces the list, and keeps the focus on the same call.
  const state = (list) => [...list.querySelectorAll("[data-id]")].map((call) => `${call.dataset.id} ${call.dataset.times}`).join();
  const replace = (old, fresh) => {
    if (state(old) === state(fresh)) return;
    const before = ids(old);
    const active = old.contains(document.activeElement) ? document.activeElement : null;
    const focused = active && (active.getAttribute("href") || active.value);
    const list = document.importNode(fresh, true);
    const arrived = [...list.querySelectorAll("[data-id]")].filter((call) => !before.has(call.dataset.id));
    for (const call of arrived) call.classList.add("new");
    const selected = new Set([...old.querySelectorAll(":checked")].map((box) => box.value));
    for (const box of list.querySelectorAll('[type="checkbox"]')) box.checked = selected.has(box.value);
    old.replaceWith(list);
    localize();
    if (focused) {
      const again = [...list.querySelectorAll("a, input")].find((one) => (one.getAttribute("href") || one.value) === focused);
      (again || document.getElementById("content")).focus({ preventScroll: true });
    }
    tick();
    show(count(list));
    const all = count(list) === 1 ? "1 call is waiting" : `${count(list)} calls are waiting`;
    if (arrived.length > 0) {
      const tool = arrived[arrived.length - 1].querySelector(".tool").textContent;
      announce(arrived.length === 1 ? `New: ${tool}. ${all}.` : `${arrived.length} new calls. ${all}.`);
    } else if (before.size !== ids(list).size) {
      announce(count(list) === 0 ? "No calls are waiting any more." : `${all}.`);
    }
  };

  const get = async (address) => {
    const answer = await fetch(address, { credentials: "same-origin", redirect: "error", cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };

  const refreshList = async () => {
    const old = document.getElementById("waiting");
    const fresh = (await get("/?fragment=list")).getElementById("waiting");
    if (old && fresh) replace(old, fresh);
  };

  // Announces that the approval has changed, without touching what was typed.
  const refreshApproval = async (approval) => {
    const fresh = (await get(`/approvals/${approval.dataset.id}`)).querySelector("[data-status]");
    const notice = document.getElementById("changed");
    if (notice && fresh && fresh.dataset.status !== approval.dataset.status) notice.hidden = false;
  };

  // Only one refresh at a time. A change during a refresh causes another one.
  let refreshing = false;
  let again = false;
  const refresh = async () => {
    if (refreshing) {
      again = true;
      return;
    }
    refreshing = true;
    try {
      const approval = document.querySelector("[data-status]");
      if (document.getElementById("waiting")) await refreshList();
      else if (approval) await refreshApproval(approval);
    } catch {
      live(false);
    }
    refreshing = false;
    if (again) {
      again = false;
      refresh();
    }
  };

  const live = (on) => {
    const label = document.getElementById("live");
    if (!label) return;
    label.parentElement.classList.toggle("on", on);
    if (on) {
      label.textContent = "Live";
    } else if (!label.querySelector("a")) {
      const link = document.createElement("a");
      link.href = "/";
      link.textContent = "Refresh";
      label.replaceChildren("Not live. ", link);
    }
  };

  localize();
  tick();
  setInterval(tick, 1000);
  const list = document.getElementById("waiting");
  if (list) show(count(list));
  if (list || document.querySelector('[data-status="pending"]')) {
    const events = new EventSource("/events");
    events.addEventListener("open", () => {
      live(true);
      refresh();
    });
    events.addEventListener("changed", refresh);
    events.addEventListener("error", () => live(false));
    window.addEventListener("pagehide", () => events.close());
    // A page from the back-forward cache is out of date.
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) window.location.reload();
    });
    // An expiry causes no event.
    setInterval(refresh, 30000);
  }
  const fault = document.querySelector('[aria-invalid="true"]');
  if (fault) fault.focus();
})();

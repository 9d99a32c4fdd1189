"use strict";
(() => {
  const $ = (css, from = document) => from.querySelector(css);
  const $$ = (css, from = document) => [...from.querySelectorAll(css)];
  const filter = $("#filter"), live = $("#live"), told = $("#told");
  const sorts = new Map(); // by the id of a section: [column, descending]
  const every = +document.body.dataset.every || 5;
  const store = (() => { try { return sessionStorage; } catch { return {}; } })();

  // values as they sort: raw numbers stand in titles where a cell shows a rounded one
  const value = (cell) => {
    if (!cell) return -Infinity;
    const text = cell.dataset.v || cell.textContent.trim();
    if (text === "") return -Infinity;
    const number = Number(text.replace(/,/g, ""));
    return Number.isNaN(number) ? text : number;
  };
  const compare = (a, b) =>
    typeof a === typeof b ? (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b || 0)
    : typeof a === "number" ? -1 : 1;

  const sort = (section) => {
    const wish = sorts.get(section.id);
    for (const head of $$("thead tr:last-child th", section)) {
      if (wish && head.cellIndex === wish[0]) head.setAttribute("aria-sort", wish[1] ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    const body = $("tbody.s", section);
    if (!wish || !body) return;
    const rows = [...body.rows].map((row) => [value(row.cells[wish[0]]), row]);
    rows.sort((a, b) => (wish[1] ? compare(b[0], a[0]) : compare(a[0], b[0])));
    body.append(...rows.map((pair) => pair[1]));
  };

  const sift = () => {
    const text = filter.value.trim().toLowerCase();
    let shown = 0;
    for (const section of $$("section")) {
      const whole = section.dataset.name.toLowerCase().includes(text);
      let any = whole;
      for (const row of $$("tbody.s tr", section)) {
        row.hidden = !(whole || row.textContent.toLowerCase().includes(text));
        any = any || !row.hidden;
        shown += !row.hidden;
      }
      section.hidden = !any;
    }
    store.filter = filter.value;
    if (text) told.textContent = `${shown} servers shown`;
    else if (told.textContent.endsWith("shown")) told.textContent = "";
  };

  const heads = (section) => {
    for (const head of $$("thead tr:last-child th[data-s]", section)) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.title = head.title;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const before = sorts.get(section.id), column = head.cellIndex;
        const again = before && before[0] === column;
        sorts.set(section.id, [column, again ? !before[1] : head.dataset.s === "d"]);
        sort(section);
      });
    }
    const all = $("thead input[type=checkbox]", section);
    if (all) {
      all.hidden = false;
      all.addEventListener("change", () => {
        for (const box of $$("tbody.s tr:not([hidden]) input", section)) box.checked = all.checked;
      });
    }
  };

  // the page is asked for anew, and its numbers take the place of those that are here
  const renew = async () => {
    const answer = await fetch(document.body.dataset.self, { cache: "no-store" });
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    $("header dl").replaceWith(document.adoptNode($("header dl", fresh)));
    for (const section of $$("section", fresh)) {
      const old = document.getElementById(section.id);
      if (!old) { document.adoptNode(section); $("main").append(section); heads(section); continue; }
      const boxes = new Map($$("tbody input", old).map((box) => [box.value, box]));
      for (const box of $$("tbody input", section)) {
        const before = boxes.get(box.value);
        if (before) box.replaceWith(before);
      }
      const focused = document.activeElement;
      const bodies = $$("tbody", section).map((body) => document.adoptNode(body));
      $$("tbody", old).forEach((body) => body.remove());
      $("table", old).append(...bodies);
      if (focused && focused !== document.activeElement && focused.isConnected) focused.focus();
      sort(old);
    }
    const there = new Set($$("section", fresh).concat($$("section")).map((one) => one.id));
    for (const section of $$("main section")) if (!there.has(section.id)) section.remove();
    sift();
  };

  let timer = 0, busy = false;
  const tick = async () => {
    if (busy || document.hidden) return;
    busy = true;
    try {
      await renew();
      if (!filter.value) told.textContent = "";
      document.body.classList.remove("stale");
    } catch (error) {
      told.textContent = `The numbers are old: ${error.message}`;
      document.body.classList.add("stale");
    }
    busy = false;
  };
  const set = (on) => {
    clearInterval(timer);
    live.setAttribute("aria-pressed", on);
    live.textContent = on ? `Live, every ${every} s` : "Live";
    store.live = on ? "1" : "0";
    if (on) { timer = setInterval(tick, every * 1000); tick(); }
  };

  $$("section").forEach(heads);
  live.hidden = false;
  live.addEventListener("click", () => set(live.getAttribute("aria-pressed") !== "true"));
  filter.form.addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("input", sift);
  $$(".script").forEach((one) => { one.hidden = false; });
  $$(".plain").forEach((one) => { one.hidden = true; });
  if (!filter.value && store.filter) filter.value = store.filter;
  const wanted = store.live === undefined ? document.body.dataset.every !== "" : store.live === "1";
  if (filter.value) sift();
  if (wanted) {
    live.setAttribute("aria-pressed", true);
    live.textContent = `Live, every ${every} s`;
    timer = setInterval(tick, every * 1000);
  }
})();

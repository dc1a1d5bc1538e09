"use strict";
// Rows are drawn a page at a time from plain data, with text nodes only: nothing from a run ever becomes markup.
(() => {
  const PAGE = 100;
  const find = (id) => document.getElementById(id);
  const read = (id) => JSON.parse(find(id).textContent);

  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children.filter((child) => child !== null));
    return element;
  }

  function theme() {
    const root = document.documentElement;
    const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    try { const kept = localStorage.getItem("evalh-theme"); if (kept === "dark" || kept === "light") root.dataset.theme = kept; } catch { /* a file may keep nothing */ }
    find("theme").addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      try { localStorage.setItem("evalh-theme", root.dataset.theme); } catch { /* a file may keep nothing */ }
    });
  }
  theme();
  if (!find("table")) return;

  const { rows: raw, words, tags, places, arms } = read("table");
  const rate = (arm) => (arm[1] ? arm[0] / arm[1] : null);
  const several = arms.length > 2; // one baseline, and a change per candidate: the greatest loss stands for the task
  const change = ([base, ...others]) => {
    const known = base[1] ? others.filter((arm) => arm[1]).map((arm) => rate(arm) - rate(base)) : [];
    return known.length ? Math.min(...known) : null;
  };
  const rows = raw.map(([id, state, own, counted, p, fresh, note], place) => ({
    id, state, tags: own, arms: counted, p, fresh, note, place,
    change: change(counted),
    text: `${id}\n${own.map((tag) => tags[tag]).join("\n")}`.toLowerCase(),
  }));
  const last = (row) => row.arms[row.arms.length - 1];
  const points = (value) => (value === null ? "unknown" : `${value > 0 ? "+" : value < 0 ? "-" : ""}${Math.abs(100 * value).toFixed(1)}`);
  const money = (value) => (value === null ? "unknown" : `$${value.toFixed(4)}`);
  const time = (value) => (value === null ? "unknown" : value < 0.9995 ? `${shortened(1000 * value)} ms` : `${shortened(value)} s`);
  const shortened = (value) => (value >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString());
  const known = (value) => value !== null && value !== undefined;

  const columns = [
    { name: "task", key: (row) => row.id, cell: taskCell },
    { name: "class", key: (row) => row.place, cell: (row) => toned(words[row.state]) },
    ...arms.map((name, arm) => ({ name, wide: arms.length > 3, key: (row) => rate(row.arms[arm]), cell: (row) => trials(row.arms[arm], name) })),
    ...(arms.length > 1 ? [
      { name: several ? "greatest loss" : "change", wide: true, right: true, key: (row) => row.change, cell: (row) => points(row.change) },
      { name: several ? "least p" : "p worse", wide: true, right: true, key: (row) => row.p, cell: (row) => (known(row.p) ? row.p.toFixed(3) : "") },
    ] : []),
    ...(several ? [] : [
      { name: "cost", wide: true, right: true, key: (row) => last(row)[4], cell: (row) => money(last(row)[4]), needs: (row) => known(last(row)[4]) },
      { name: "time", wide: true, right: true, key: (row) => last(row)[5], cell: (row) => time(last(row)[5]), needs: (row) => known(last(row)[5]) },
    ]),
  ].filter((column) => !column.needs || rows.some(column.needs));

  const body = find("tasks").tBodies[0];
  const controls = document.querySelector(".controls");
  const order = { column: 1, down: false };
  let shown = PAGE;
  let matching = rows;

  function toned(word) {
    const sign = { bad: "▼ ", good: "▲ " }[word.tone] || "";
    return make("span", { class: word.tone ? `${word.tone}-text` : "", title: word.meaning }, sign + word.label);
  }

  const pictures = new Map();
  const shapes = {
    P: (x, y) => `M${x} ${y + 1}h7v15h-7z`,
    F: (x, y) => `M${x + 1} ${y + 8}h5v7h-5z`,
    E: (x, y) => `M${x} ${y + 13}h7v3h-7z`,
  };

  // One path per kind of mark, kept and copied: a row of twenty trials costs as much as one of two.
  function drawn(marks, label) {
    if (!pictures.has(marks)) {
      const part = (name) => document.createElementNS("http://www.w3.org/2000/svg", name);
      const picture = part("svg"), lines = { P: "", F: "", E: "" };
      [...marks].forEach((mark, place) => { lines[mark] += shapes[mark](9 * (place % 20), 17 * Math.floor(place / 20)); });
      for (const [mark, line] of Object.entries(lines)) {
        if (!line) continue;
        const path = part("path");
        path.setAttribute("class", mark);
        path.setAttribute("d", line);
        picture.append(path);
      }
      const size = { class: "marks", role: "img", width: 9 * Math.min(marks.length, 20), height: 17 * Math.ceil(marks.length / 20) };
      for (const [key, value] of Object.entries(size)) picture.setAttribute(key, value);
      pictures.set(marks, picture);
    }
    const copy = pictures.get(marks).cloneNode(true);
    copy.setAttribute("aria-label", label);
    return copy;
  }

  function trials([passed, measured, unmeasured, marks], name) {
    const said = `${passed}/${measured}`;
    const label = `${name}: ${passed} of ${measured} passed${unmeasured ? `, ${unmeasured} unmeasured` : ""}`;
    const picture = marks ? drawn(marks, label) : make("meter", { min: 0, max: 1, value: measured ? passed / measured : 0, "aria-label": label });
    return make("span", {}, picture, make("span", { class: "n" }, unmeasured ? `${said} (${unmeasured} unmeasured)` : said));
  }

  function taskCell(row) {
    const button = make("button", { type: "button", class: "open", "aria-expanded": "false" }, row.id || "(no id)");
    button.addEventListener("click", () => toggle(button, row));
    return make("div", {}, button, row.tags.length ? make("div", { class: "tags" }, row.tags.slice(0, 8).map((tag) => tags[tag]).join(" · ")) : null);
  }

  function drawRow(row) {
    return make("tr", {}, ...columns.map((column, place) => make(place ? "td" : "th",
      { ...(place ? {} : { scope: "row" }), class: `${column.right ? "r " : ""}${column.wide ? "wide" : ""}` }, column.cell(row))));
  }

  function draw() {
    body.replaceChildren(...matching.slice(0, shown).map(drawRow));
    find("count").value = `${matching.length} of ${rows.length} tasks${matching.length > shown ? `, the first ${shown} shown` : ""}`;
    find("more").hidden = find("all").hidden = matching.length <= shown;
  }

  function select() {
    const words_ = find("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const state = find("state").value, tag = find("tag").value;
    matching = rows.filter((row) => (state === "" || row.state === Number(state)) && (tag === "" || row.tags.includes(Number(tag)))
      && words_.every((word) => row.text.includes(word)));
    const { key } = columns[order.column];
    const sign = order.down ? -1 : 1;
    matching.sort((a, b) => {
      const x = key(a), y = key(b);
      if (x === y) return a.place - b.place;
      if (!known(x) || !known(y)) return known(x) ? -1 : 1; // what is unknown stands last either way
      return x < y ? -sign : sign;
    });
    for (const button of find("classes").children) button.setAttribute("aria-pressed", String(button.value === state));
    shown = PAGE;
    draw();
  }

  function quoted(text) {
    return /^[\w.\/:@=+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
  }

  function toggle(button, row) {
    const open = button.getAttribute("aria-expanded") !== "true";
    const line = button.closest("tr");
    button.setAttribute("aria-expanded", String(open));
    if (!open) { line.nextSibling.remove(); return; }
    const cell = make("div", { class: "opened" });
    const whole = make("td", { colspan: [...line.cells].filter((each) => each.offsetParent).length }, cell);
    line.after(make("tr", { class: "detail" }, whole));
    const word = words[row.state];
    const words_ = several ? ["Greatest loss", "least p"] : ["Change", "p worse"];
    const said = row.change === null ? "" : ` ${words_[0]} ${points(row.change)} points, ${words_[1]} ${row.p.toFixed(3)}.`;
    cell.append(make("p", {}, make("b", {}, word.label), `: ${word.meaning}.${said}${row.note ? ` ${row.note}` : ""}`));
    row.arms.forEach((arm, place) => {
      const fresh = row.fresh[place]?.length ? `; on fresh trials ${row.fresh[place][0]} of ${row.fresh[place][1]}` : "";
      const picture = arm[3] ? drawn(arm[3], `${arms[place]}, trial by trial`) : "";
      cell.append(make("p", {}, picture, `${arms[place]}: ${arm[0]} of ${arm[1]} passed, ${arm[2]} unmeasured${fresh}; cost ${money(arm[4])}, mean time ${time(arm[5])}`));
    });
    transcripts(row, cell);
  }

  let packed = null;
  async function transcripts(row, cell) {
    packed ??= read("transcripts");
    const text = Object.hasOwn(packed, row.id) ? packed[row.id] : null;
    const sides = make("div", { class: "sides" });
    if (text) {
      cell.append(sides);
      try { (await unpacked(text)).forEach((trial, place) => sides.append(side(trial, arms[place]))); }
      catch { sides.append(make("p", {}, "This browser cannot unpack the transcripts; the commands below print them.")); }
    }
    const commands = places.map((place) => `evalh show ${quoted(place)} --task ${quoted(row.id)}`).join("\n");
    cell.append(make("p", {}, text ? "All trials in full:" : "Its transcripts:"), make("pre", { class: "cmd" }, commands));
    cell.dataset.ready = "yes";
  }

  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  }

  function side(trial, name) {
    if (!trial) return make("div", { class: "side" }, make("h3", {}, name), make("p", {}, "No transcript was kept."));
    const box = make("div", { class: "side" }, make("h3", {}, `${name}, trial ${trial.trial}: `,
      make("span", { class: trial.outcome === "pass" ? "good-text" : "bad-text" }, trial.outcome), trial.cause ? ` (${trial.cause})` : ""));
    for (const [who, text] of trial.said) box.append(make("div", { class: "who" }, who), make("pre", { tabindex: "0", role: "group", "aria-label": who }, text));
    if (trial.left_out) box.append(make("p", { class: "caption" }, `${trial.left_out} characters left out`));
    for (const [grader, passed, score, reason] of trial.grades) {
      box.append(make("p", { class: "grade" }, make("b", {}, `${passed ? "✓" : "✗"} ${grader}`), `, score ${score}${reason ? `: ${reason}` : ""}`));
    }
    return box;
  }

  function sort(place, down) {
    Object.assign(order, { column: place, down });
    [...find("tasks").tHead.rows[0].cells].forEach((head, at) => {
      if (at === place) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    find("sort").value = `${place}${down ? " down" : ""}`;
    select();
  }

  columns.forEach((column, place) => {
    const button = make("button", { type: "button" }, column.name);
    const head = make("th", { scope: "col", class: `${column.right ? "r " : ""}${column.wide ? "wide" : ""}` }, button);
    button.addEventListener("click", () => sort(place, order.column === place && !order.down));
    find("tasks").tHead.rows[0].append(head);
    for (const [suffix, sign] of [["", "▲"], [" down", "▼"]]) find("sort").append(make("option", { value: `${place}${suffix}` }, `${column.name} ${sign}`));
  });
  words.forEach((word, state) => {
    find("state").append(make("option", { value: state }, `${word.label} (${word.count})`));
    const button = make("button", { type: "button", value: state, title: word.meaning, "aria-pressed": "false" }, `${word.label} ${word.count}`);
    button.addEventListener("click", () => { find("state").value = find("state").value === String(state) ? "" : state; select(); });
    find("classes").append(button);
  });
  tags.forEach((tag, place) => find("tag").append(make("option", { value: place }, tag)));
  controls.addEventListener("input", (event) => {
    const [place, down] = find("sort").value.split(" ");
    if (event.target.id === "sort") sort(Number(place), Boolean(down)); else select();
  });
  controls.addEventListener("reset", () => setTimeout(() => sort(1, false)));
  controls.addEventListener("submit", (event) => event.preventDefault());
  find("more").addEventListener("click", () => { shown += PAGE; draw(); });
  find("all").addEventListener("click", () => { shown = Infinity; draw(); });
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
    event.preventDefault();
    find("q").focus();
  });
  sort(1, false);
})();

"use strict";
// Sorting: within one table, by the full value behind the printed digits; cells without a value stay last.
for (const table of document.querySelectorAll("section.table table")) {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const descending = head.getAttribute("aria-sort") !== "descending" && column > 0 || head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const value = (row) => {
      const cell = row.cells[column];
      if (column === 0) return cell.textContent.toLowerCase();
      if (cell.classList.contains("text")) return cell.textContent.toLowerCase();
      return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
    };
    const order = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      return (x < y ? -1 : x > y ? 1 : 0) * (descending ? -1 : 1);
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
  }));
}

// The picture browser.
(() => {
  const sets = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  if (!sets.length) {
    byId("pictures").append(Object.assign(document.createElement("p"), { textContent: "No pictures: nothing was fused and scored, or the files are gone." }));
    return;
  }
  byId("browser").hidden = false;
  const [set, item, left, right, wipe] = ["set", "item", "left", "right", "wipe"].map(byId);
  const zooms = [1, 1.5, 2, 3, 4, 6, 8];
  let zoom = 0;
  let ready = false; // opening the page does not change its address
  const fill = (select, names, wanted) => {
    select.replaceChildren(...names.map((name) => new Option(name)));
    if (names.includes(wanted)) select.value = wanted;
  };
  const current = () => sets[set.selectedIndex].items[item.selectedIndex];

  function showSet() {
    fill(item, sets[set.selectedIndex].items.map((entry) => entry.id), item.value);
    showItem();
  }
  function showItem() {
    const titles = Object.keys(current().pictures);
    fill(left, titles, left.value || "Visible");
    fill(right, titles, right.value || titles[titles.length - 1]);
    show();
  }
  function show() {
    const entry = current(), chosen = sets[set.selectedIndex];
    byId("over").src = entry.pictures[left.value];
    byId("over").alt = left.value;
    byId("under").src = entry.pictures[right.value];
    byId("under").alt = right.value;
    byId("name-left").textContent = left.value;
    byId("name-right").textContent = right.value;
    byId("legend").textContent = `Left ${left.value}, right ${right.value}. ${chosen.items.length} of ${chosen.all} pictures are embedded here, as JPEG of at most 512 pixels (more: run_all.py report OUT --pictures N); all of them are in OUT/fuse.`;
    const row = (cells, kind) => {
      const tr = document.createElement("tr");
      tr.append(...cells.map((text, i) => Object.assign(document.createElement(i && kind !== "th" ? "td" : "th"), { textContent: text })));
      return tr;
    };
    const table = byId("values");
    table.tHead.replaceChildren(row(["This picture", ...chosen.metrics.map(([name, arrow]) => `${name} ${arrow}`)], "th"));
    table.tBodies[0].replaceChildren(...[...new Set([left.value, right.value])].filter((title) => entry.values[title]).map((title) => row([title,
      ...chosen.metrics.map(([name]) => { const v = entry.values[title][name]; return v == null ? "–" : v.toFixed(4); })])));
    if (ready) history.replaceState(null, "", `#${[set.value, item.value, left.value, right.value].map(part).join("/")}`);
    cut();
  }
  // A link to what is shown: data set, picture, left and right title, in lower case.
  const part = (text) => encodeURIComponent(text.toLowerCase());
  function linked() {
    const wanted = location.hash.slice(1).split("/");
    if (wanted.length !== 4) return false;
    const choose = (select, text) => {
      const found = [...select.options].findIndex((option) => part(option.value) === text.toLowerCase());
      if (found >= 0) select.selectedIndex = found;
    };
    const [ofSet, ofItem, ...sides] = wanted;
    choose(set, ofSet);
    fill(item, sets[set.selectedIndex].items.map((entry) => entry.id));
    choose(item, ofItem);
    [left, right].forEach((select, side) => {
      fill(select, Object.keys(current().pictures));
      choose(select, sides[side]);
    });
    return true;
  }
  function cut() {
    byId("over").style.clipPath = `inset(0 ${100 - wipe.value}% 0 0)`;
    byId("line").style.left = `${wipe.value}%`;
    // at either end, and so during flicker, only the name of the picture that is seen
    byId("name-left").classList.toggle("hidden", Number(wipe.value) === 0);
    byId("name-right").classList.toggle("hidden", Number(wipe.value) === 100);
  }
  function scale(step) {
    zoom = Math.min(zooms.length - 1, Math.max(0, zoom + step));
    byId("pair").style.width = `${100 * zooms[zoom]}%`;
    byId("zoom").textContent = `${zooms[zoom]}×`;
  }
  let timer = null;
  function flicker() {
    const on = timer === null;
    byId("flicker").setAttribute("aria-pressed", String(on));
    if (on) {
      timer = setInterval(() => { wipe.value = wipe.value > 50 ? 0 : 100; cut(); }, 600);
    } else {
      clearInterval(timer);
      timer = null;
      wipe.value = 50;
      cut();
    }
  }
  function next(step) {
    item.selectedIndex = (item.selectedIndex + step + item.options.length) % item.options.length;
    showItem();
  }
  function nudge(step) {
    wipe.value = Number(wipe.value) + step;
    cut();
  }

  set.addEventListener("change", showSet);
  item.addEventListener("change", showItem);
  left.addEventListener("change", show);
  right.addEventListener("change", show);
  wipe.addEventListener("input", cut);
  byId("flicker").addEventListener("click", flicker);
  byId("in").addEventListener("click", () => scale(1));
  byId("out").addEventListener("click", () => scale(-1));
  byId("stage").addEventListener("keydown", (event) => {
    const act = { ArrowLeft: () => nudge(-4), ArrowRight: () => nudge(4), f: flicker, "+": () => scale(1), "=": () => scale(1), "-": () => scale(-1), n: () => next(1), p: () => next(-1) }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  byId("pair").addEventListener("pointermove", (event) => {
    if (event.buttons !== 1) return;
    const box = byId("pair").getBoundingClientRect();
    wipe.value = 100 * (event.clientX - box.left) / box.width;
    cut();
  });
  fill(set, sets.map((entry) => entry.title));
  if (linked()) {
    show();
    byId("pictures").scrollIntoView();
  } else {
    showSet();
  }
  ready = true;
})();

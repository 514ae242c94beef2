// Tables: sorting, copying, hiding rows and columns. Everything is undone by "reset" and by loading the page again.
const texts = JSON.parse(document.getElementById("texts").textContent); // table -> format -> what is copied
for (const section of document.querySelectorAll("section.table")) {
  const tables = [...section.querySelectorAll("table")];
  tables.forEach(sortable);
  if (tables.length) tools(section, tables);
}

// Within one table, by the full value behind the printed digits; cells without a value stay last.
function sortable(table) {
  const heads = headsOf(table);
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

function headsOf(table) {
  return [...table.tHead.rows[table.tHead.rows.length - 1].cells];
}

function made(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// A table of several blocks is several tables with the same columns: one set of tools for all of them.
function tools(section, tables) {
  const said = made("output", { className: "said" });
  const copies = Object.keys(texts[section.id] || {}).map((kind) => {
    const button = made("button", { type: "button", textContent: `Copy as ${kind}`, title: "The whole table, whatever is hidden here" });
    button.addEventListener("click", () => copy(texts[section.id][kind]).then(
      () => { said.textContent = `${kind} of the whole table copied`; },
      () => { said.textContent = "The browser lets nothing be copied; the file is in OUT/tables"; }));
    return button;
  });
  const filter = made("input", { type: "search", placeholder: "name, name", size: 14 });
  const reset = made("button", { type: "button", textContent: "Reset", disabled: true, title: "Show all rows and columns again" });
  const rows = tables.flatMap((table) => [...table.tBodies[0].rows]);
  const columns = headsOf(tables[0]).slice(1).map((head, column) => {
    const name = [groupOf(tables[0], column + 1), head.textContent.trim()].filter(Boolean).join(" ");
    const button = made("button", { type: "button", textContent: name });
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      apply();
    });
    return button;
  });
  function apply() {
    const wanted = filter.value.toLowerCase().split(",").map((word) => word.trim()).filter(Boolean);
    for (const row of rows) {
      const name = row.cells[0].textContent.toLowerCase();
      row.hidden = wanted.length > 0 && !wanted.some((word) => name.includes(word));
    }
    const shown = [true, ...columns.map((button) => button.getAttribute("aria-pressed") === "true")];
    tables.forEach((table) => showColumns(table, shown));
    const [left, seen] = [rows.filter((row) => !row.hidden).length, shown.filter(Boolean).length - 1];
    reset.disabled = left === rows.length && seen === columns.length;
    said.textContent = reset.disabled ? "" : `${left} of ${rows.length} rows, ${seen} of ${columns.length} columns`;
  }
  filter.addEventListener("input", apply);
  reset.addEventListener("click", () => {
    filter.value = "";
    columns.forEach((button) => button.setAttribute("aria-pressed", "true"));
    apply();
    filter.focus();
  });
  const bar = made("div", { className: "controls tools" }, ...copies,
    made("label", {}, "Rows ", filter),
    made("details", {}, made("summary", { textContent: "Columns" }), made("div", { className: "controls" }, ...columns)),
    reset, said);
  section.querySelector("h3").after(bar);
}

// The heading that spans a column, "" where there is none.
function groupOf(table, column) {
  const row = table.querySelector("tr.groups");
  let place = 0;
  for (const cell of row ? row.cells : []) {
    place += cell.colSpan;
    if (column < place) return cell.textContent.trim();
  }
  return "";
}

function showColumns(table, shown) {
  for (const row of [headRow(table), ...table.tBodies[0].rows]) [...row.cells].forEach((cell, column) => { cell.hidden = !shown[column]; });
  const groups = table.querySelector("tr.groups");
  let place = 0;
  for (const cell of groups ? groups.cells : []) {
    const whole = Number(cell.dataset.span || cell.colSpan);
    cell.dataset.span = whole;
    const left = shown.slice(place, place + whole).filter(Boolean).length;
    cell.hidden = left === 0;
    cell.colSpan = Math.max(1, left);
    place += whole;
  }
}

function headRow(table) {
  return table.tHead.rows[table.tHead.rows.length - 1];
}

// A page from a file may not be let at the clipboard: then by way of a selected text.
function copy(text) {
  const byHand = () => new Promise((done, fail) => {
    const before = document.activeElement;
    const area = made("textarea", { value: text, className: "unseen", readOnly: true });
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (before) before.focus();
    if (copied) done(); else fail(new Error("not copied"));
  });
  return navigator.clipboard ? navigator.clipboard.writeText(text).catch(byHand) : byHand();
}

// The picture browser: which pictures, in which form, and what keys, mouse and buttons do with them.
(() => {
  const sets = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  if (!sets.length) {
    byId("pictures").append(made("p", { textContent: "No pictures: nothing was fused and scored, or the files are gone." }));
    return;
  }
  byId("browser").hidden = false;
  const [set, item, left, right, wipe, stage, view] = ["set", "item", "left", "right", "wipe", "stage", "view"].map(byId);
  const sides = [{ select: left, image: byId("over"), over: byId("left-layers"), name: byId("name-left"), word: "Left" },
    { select: right, image: byId("under"), over: byId("right-layers"), name: byId("name-right"), word: "Right" }];
  let ready = false; // opening the page does not change its address
  const fill = (select, names, wanted) => {
    select.replaceChildren(...names.map((name) => new Option(name)));
    if (names.includes(wanted)) select.value = wanted;
  };
  const current = () => sets[set.selectedIndex].items[item.selectedIndex];
  const shown = pictureWindow({ view, stage, pair: byId("pair"), frame: byId("frame"), over: byId("left-side") }, (state) => {
    wipe.value = state.wipe;
    byId("line").style.left = `${state.wipe}%`;
    byId("zoom").textContent = `${Math.round(100 * state.scale)} %`;
    // at either end, and so during flicker, only the name of the picture that is seen
    byId("name-left").classList.toggle("hidden", state.wipe <= 0);
    byId("name-right").classList.toggle("hidden", state.wipe >= 100);
    byId("seen").textContent = state.wipe <= 0 ? right.value : state.wipe >= 100 ? left.value : `${left.value} | ${right.value}`;
  });

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
    const entry = current();
    for (const side of sides) {
      side.image.alt = side.name.textContent = side.select.value;
      showPicture(side, entry);
    }
    showLayers();
    showValues(entry);
    if (ready) history.replaceState(null, "", `#${[set.value, item.value, left.value, right.value].map(part).join("/")}`);
    shown.size(...entry.size);
  }

  // The small picture at once, the file beside the page as soon as it is there; a page that was mailed alone has none.
  const unreachable = new Set();
  function showPicture(side, entry) {
    const title = side.select.value, file = entry.files[title];
    const small = entry.pictures[title];
    if (side.file && side.file === file) return;
    side.file = file;
    side.image.src = small;
    side.quality = !file ? "small embedded JPEG (no file of it beside this page)" : "small embedded JPEG (the file beside this page is not reachable)";
    if (file && !unreachable.has(file)) {
      side.quality = "small embedded JPEG";
      const full = new Image();
      full.onload = () => {
        if (side.file !== file) return;
        side.image.src = full.src;
        side.quality = `lossless file, ${full.naturalWidth}×${full.naturalHeight}`;
        sayQuality();
      };
      full.onerror = () => {
        unreachable.add(file);
        if (side.file !== file) return;
        side.quality = "small embedded JPEG (the file beside this page is not reachable)";
        side.file = null;
        sayQuality();
      };
      full.src = file;
    }
    sayQuality();
  }
  function sayQuality() {
    const chosen = sets[set.selectedIndex];
    byId("legend").textContent = `${sides.map((side) => `${side.word} ${side.select.value}: ${side.quality}`).join(". ")}. `
      + `Picture ${item.value}: ${chosen.items.length} of ${chosen.all} pictures of ${chosen.title} are in this page (more: run_all.py report OUT --pictures N); all of them are in OUT/fuse.`;
  }

  const [truth, found] = [byId("truth"), byId("found")];
  function showLayers() {
    const entry = current(), { classes, teacher, score } = sets[set.selectedIndex];
    const kinds = Object.keys(classes);
    byId("layers").hidden = !kinds.length;
    byId("truth-name").textContent = teacher ? "Teacher labels" : "Ground truth";
    truth.disabled = !Object.keys(entry.truth).length;
    for (const side of sides) {
      const layers = [];
      if (found.checked && entry.found[side.select.value]) layers.push({ layer: entry.found[side.select.value], truth: false });
      if (truth.checked) layers.push({ layer: entry.truth, truth: true });
      drawLayers(side.over, entry.size, layers, classes);
    }
    drawLegend(byId("classes"), truth.checked || found.checked ? kinds : [], classes);
    const lacking = found.checked ? [...new Set(sides.map((side) => side.select.value))].filter((title) => !entry.found[title]) : [];
    const empty = found.checked ? [...new Set(sides.map((side) => side.select.value))].filter((title) => ((entry.found[title] || {}).boxes || [0]).length === 0) : [];
    byId("lacking").textContent = [empty.length ? `No box with a score of at least ${score} in ${empty.join(" or ")}.` : "", truth.disabled ? "No labels of this picture." : "", lacking.length ? `No training on ${lacking.join(" or ")} was tested on this picture.` : ""].join(" ").trim();
  }
  function toggle(box) {
    if (byId("layers").hidden || box.disabled) return;
    box.checked = !box.checked;
    showLayers();
  }

  function showValues(entry) {
    const metrics = sets[set.selectedIndex].metrics;
    const row = (cells, kind) => made("tr", {}, ...cells.map((text, i) => made(i && kind !== "th" ? "td" : "th", { textContent: text })));
    const table = byId("values");
    table.hidden = !metrics.length;
    table.tHead.replaceChildren(row(["This picture", ...metrics.map(([name, arrow]) => `${name} ${arrow}`)], "th"));
    table.tBodies[0].replaceChildren(...[...new Set([left.value, right.value])].filter((title) => entry.values[title]).map((title) => row([title,
      ...metrics.map(([name]) => { const v = entry.values[title][name]; return v == null ? "–" : v.toFixed(4); })])));
  }

  // A link to what is shown: data set, picture, left and right title, in lower case.
  const part = (text) => encodeURIComponent(text.toLowerCase());
  function linked() {
    const wanted = location.hash.slice(1).split("/");
    if (wanted.length !== 4) return false;
    const choose = (select, text) => {
      const place = [...select.options].findIndex((option) => part(option.value) === text.toLowerCase());
      if (place >= 0) select.selectedIndex = place;
    };
    const [ofSet, ofItem, ...titles] = wanted;
    choose(set, ofSet);
    fill(item, sets[set.selectedIndex].items.map((entry) => entry.id));
    choose(item, ofItem);
    [left, right].forEach((select, side) => {
      fill(select, Object.keys(current().pictures));
      choose(select, titles[side]);
    });
    return true;
  }

  let timer = null, before = 50;
  function flicker() {
    const on = timer === null;
    byId("flicker").setAttribute("aria-pressed", String(on));
    if (on) {
      before = shown.wipe;
      timer = setInterval(() => shown.wipeTo(shown.wipe > 50 ? 0 : 100), 600);
    } else {
      clearInterval(timer);
      timer = null;
      shown.wipeTo(before);
    }
  }
  function next(step) {
    item.selectedIndex = (item.selectedIndex + step + item.options.length) % item.options.length;
    showItem();
  }

  const step = Math.SQRT2;
  const keys = { ArrowLeft: () => shown.wipeTo(shown.wipe - 4), ArrowRight: () => shown.wipeTo(shown.wipe + 4), l: () => shown.wipeTo(100), r: () => shown.wipeTo(0),
    f: flicker, "+": () => shown.by(step), "=": () => shown.by(step), "-": () => shown.by(1 / step), 0: shown.fit, 1: shown.real,
    n: () => next(1), p: () => next(-1), g: () => toggle(truth), d: () => toggle(found) };
  const moves = { ArrowLeft: [-60, 0], ArrowRight: [60, 0], ArrowUp: [0, -60], ArrowDown: [0, 60] };
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = moves[event.key], panned = move && shown.zoom > 1 && (event.shiftKey || move[0] === 0);
    const act = panned ? () => shown.pan(...move) : keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  function showKeys() {
    const help = byId("help");
    help.open = !help.open;
    if (help.open) help.scrollIntoView({ block: "nearest" });
  }
  byId("keys").addEventListener("click", showKeys);
  document.addEventListener("keydown", (event) => {
    if (event.key === "?" && !event.target.matches("input:not([type=range], [type=checkbox]), textarea")) showKeys();
  });

  // Mouse and finger: the line moves the wipe, the picture moves under the window; all of it in view, there is only the wipe.
  let drag = null;
  view.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const wiped = shown.zoom <= 1 || event.target.closest("#line") || Math.abs(event.clientX - shown.lineAt()) < 10;
    if (!wiped && event.pointerType !== "mouse") return; // a finger scrolls it by itself
    drag = { wiped, x: event.clientX, y: event.clientY };
    view.setPointerCapture(event.pointerId);
    view.classList.toggle("panning", !wiped);
    stage.focus({ preventScroll: true });
    event.preventDefault();
  });
  view.addEventListener("pointermove", (event) => {
    if (drag === null) return;
    if (drag.wiped) shown.wipeAt(event.clientX);
    else shown.pan(drag.x - event.clientX, drag.y - event.clientY);
    drag = { ...drag, x: event.clientX, y: event.clientY };
  });
  for (const name of ["pointerup", "pointercancel"]) view.addEventListener(name, () => { drag = null; view.classList.remove("panning"); });

  // The wheel zooms about the pointer; while the page itself is being scrolled past, it does not, nor at the end of zooming out.
  let scrolled = -1000;
  window.addEventListener("scroll", () => { scrolled = performance.now(); });
  view.addEventListener("wheel", (event) => {
    const out = event.deltaY > 0;
    if (!event.ctrlKey && (performance.now() - scrolled < 250 || (out && shown.zoom <= 1))) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    shown.by(Math.exp(-Math.max(-120, Math.min(120, event.deltaY * lines)) / 300), event.clientX, event.clientY);
  }, { passive: false });

  set.addEventListener("change", showSet);
  item.addEventListener("change", showItem);
  left.addEventListener("change", show);
  right.addEventListener("change", show);
  wipe.addEventListener("input", () => shown.wipeTo(wipe.value));
  truth.addEventListener("change", showLayers);
  found.addEventListener("change", showLayers);
  byId("flicker").addEventListener("click", flicker);
  byId("in").addEventListener("click", () => shown.by(step));
  byId("out").addEventListener("click", () => shown.by(1 / step));
  byId("fit").addEventListener("click", shown.fit);
  byId("real").addEventListener("click", shown.real);
  fill(set, sets.map((entry) => entry.title));
  if (linked()) {
    show();
    byId("pictures").scrollIntoView();
  } else {
    showSet();
  }
  ready = true;
})();

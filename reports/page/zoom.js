// The window onto a pair of pictures: how large they are shown, which part, and where the wipe cuts them.
// view is as large as the whole picture when it fits, stage inside of it scrolls, pair is as wide as the pictures are
// shown, frame lies over the part that is seen. The wipe is a per cent of what is seen: its line is always in view.
function pictureWindow({ view, stage, pair, frame, over }, changed) {
  const most = 32; // times the scale of the whole picture
  let [width, height, zoom, wipe] = [1, 1, 1, 50];

  const room = () => view.parentElement.clientWidth - 2; // without the stage's border
  const high = () => 0.75 * window.innerHeight;
  const whole = () => Math.min(room() / width, high() / height); // screen pixels per pixel when all of it is seen
  const scale = () => whole() * zoom;
  const seen = () => Math.min(stage.clientWidth, width * scale());

  function layout() {
    view.style.width = `${width * whole() + 2}px`; // stays while one zooms: nothing around it jumps
    stage.style.height = `${height * whole() + 2}px`;
    pair.style.width = `${width * scale()}px`;
    pair.style.height = `${height * scale()}px`;
    frame.style.width = `${seen()}px`;
    frame.style.height = `${Math.min(height * whole(), height * scale())}px`;
    stage.classList.toggle("larger", zoom > 1);
    pair.classList.toggle("pixels", scale() * window.devicePixelRatio >= 1); // smaller ones would lose lines
    pair.style.setProperty("--pixel", `${1 / scale()}px`); // one on the screen, in pixels of the picture
    cut();
  }
  let middle = [0.5, 0.5]; // of the window, in fractions of the picture
  function cut() {
    middle = [(stage.scrollLeft + stage.clientWidth / 2) / (width * scale()), (stage.scrollTop + stage.clientHeight / 2) / (height * scale())];
    const at = zoom <= 1 ? Number(wipe) : 100 * (stage.scrollLeft + seen() * wipe / 100) / (width * scale());
    const shownAt = Math.min(100, Math.max(0, wipe <= 0 ? 0 : wipe >= 100 ? 100 : at));
    over.style.clipPath = `inset(0 ${100 - shownAt}% 0 0)`;
    changed({ wipe: Number(wipe), zoom, scale: scale() * window.devicePixelRatio });
  }
  // (x, y): a place on the screen that keeps showing the same part of the picture.
  function zoomTo(wanted, x, y) {
    const box = stage.getBoundingClientRect();
    const place = [x === undefined ? box.width / 2 : x - box.left, y === undefined ? box.height / 2 : y - box.top];
    const before = pair.getBoundingClientRect();
    const part = [(box.left + place[0] - before.left) / before.width, (box.top + place[1] - before.top) / before.height];
    zoom = Math.min(Math.max(most, 4 / whole()), wanted);
    if (Math.abs(zoom - 1) < 0.01) zoom = 1;
    layout();
    stage.scrollLeft = part[0] * width * scale() - place[0] + stage.clientLeft;
    stage.scrollTop = part[1] * height * scale() - place[1] + stage.clientTop;
    cut();
  }
  stage.addEventListener("scroll", cut);
  window.addEventListener("resize", () => { // what was in the middle stays there
    const [across, down] = middle;
    layout();
    stage.scrollLeft = across * width * scale() - stage.clientWidth / 2;
    stage.scrollTop = down * height * scale() - stage.clientHeight / 2;
    cut();
  });
  return {
    size(w, h) { [width, height] = [w, h]; layout(); },
    wipeTo(value) { wipe = Math.min(100, Math.max(0, Number(value))); cut(); },
    wipeAt(x) { const box = frame.getBoundingClientRect(); this.wipeTo(100 * (x - box.left) / box.width); },
    lineAt() { const box = frame.getBoundingClientRect(); return box.left + box.width * wipe / 100; },
    pan(x, y) { stage.scrollBy(x, y); cut(); }, // not left to the scroll event, which comes with the next frame
    by(factor, x, y) { zoomTo(Math.max(1, zoom * factor), x, y); },
    fit() { zoomTo(1); },
    // one pixel of the picture on one of the screen, also where that is smaller than the window
    real() { zoomTo(1 / (whole() * window.devicePixelRatio)); },
    get wipe() { return Number(wipe); },
    get zoom() { return zoom; },
  };
}

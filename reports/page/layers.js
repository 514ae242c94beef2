// Boxes and masks over one picture of the pair.
const SVG = "http://www.w3.org/2000/svg";

// parent: emptied, then filled. layers: [{layer, truth}], the truth dashed or as an outline.
function drawLayers(parent, [width, height], layers, classes) {
  parent.replaceChildren();
  for (const { layer, truth } of layers) {
    if (layer.mask) parent.append(made("img", { src: layer.mask, alt: "", className: truth ? "truth" : "" }));
  }
  const boxed = layers.filter(({ layer }) => layer.boxes && layer.boxes.length);
  if (!boxed.length) return;
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none" });
  for (const { layer, truth } of boxed) layer.boxes.forEach((box) => drawBox(svg, box, [width, height], classes.boxes || [], truth));
  parent.append(svg);
}

function drawBox(svg, [label, x0, y0, x1, y1, score], [width, height], classes, truth) {
  const [name, colour] = classes[label] || [`class ${label}`, "#ffffff"];
  svg.append(shape("rect", { x: x0 * width, y: y0 * height, width: (x1 - x0) * width, height: (y1 - y0) * height, stroke: colour, class: truth ? "truth" : "found" }));
  const text = shape("text", { x: x0 * width, y: (truth ? y1 : y0) * height, fill: colour, class: truth ? "truth" : "found" });
  text.textContent = truth ? name : `${name} ${score.toFixed(2)}`;
  svg.append(text);
}

function shape(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  return element;
}

// Swatch and name of each class that the kinds of layers of this picture can show.
function drawLegend(parent, kinds, classes) {
  parent.replaceChildren(...kinds.flatMap((kind) => (classes[kind] || []).slice(kind === "masks" ? 1 : 0)).map(([name, colour]) => {
    const swatch = made("span", { className: "swatch" });
    swatch.style.background = colour;
    return made("span", { className: "class" }, swatch, name);
  }));
}

// What every component here builds its elements with. Text from outside enters through textContent only;
// nothing in this folder ever parses HTML.

const SVG = "http://www.w3.org/2000/svg";

// Drawn on a 20 by 20 grid. Each verdict has a shape of its own, so that colour is never needed.
const SHAPES = {
  supported: [["circle", { cx: 10, cy: 10, r: 8, class: "fill" }], ["path", { d: "M6 10.3l2.8 2.8L14.2 7.4", class: "cut" }]],
  weak: [["circle", { cx: 10, cy: 10, r: 7.2, class: "line" }], ["path", { d: "M10 2.8a7.2 7.2 0 0 1 0 14.4z", class: "fill" }]],
  unsupported: [["path", { d: "M10 1.8L19 17.6H1z", class: "fill" }], ["path", { d: "M10 7.4v4.6M10 14.4v.4", class: "cut" }]],
  uncited: [["circle", { cx: 10, cy: 10, r: 7.2, class: "dashed" }]],
  close: [["path", { d: "M5 5l10 10M15 5L5 15", class: "line" }]],
  left: [["path", { d: "M12.5 4.5L7 10l5.5 5.5", class: "line" }]],
  right: [["path", { d: "M7.5 4.5L13 10l-5.5 5.5", class: "line" }]],
  minus: [["path", { d: "M4.5 10h11", class: "line" }]],
  plus: [["path", { d: "M4.5 10h11M10 4.5v11", class: "line" }]],
  stop: [["rect", { x: 5.5, y: 5.5, width: 9, height: 9, rx: 1.5, class: "fill" }]],
  again: [["path", { d: "M15.5 10a5.5 5.5 0 1 1-1.8-4.1M15.6 3v3.6H12", class: "line" }]],
  edit: [["path", { d: "M4 16l.8-3.4L13 4.4a1.6 1.6 0 0 1 2.3 0l.3.3a1.6 1.6 0 0 1 0 2.3L7.4 15.2z", class: "line" }]],
  copy: [["rect", { x: 7, y: 7, width: 9, height: 9, rx: 1.8, class: "line" }], ["path", { d: "M13 4.6A1.6 1.6 0 0 0 11.6 4H5.6A1.6 1.6 0 0 0 4 5.6v6a1.6 1.6 0 0 0 .6 1.4", class: "line" }]],
  done: [["path", { d: "M4.5 10.5l3.8 3.8L15.5 6.5", class: "line" }]],
  remove: [["path", { d: "M4 5.8h12M8 5.6V4.2h4v1.4M5.6 5.8l.7 10h7.4l.7-10M8.5 8.6v4.6M11.5 8.6v4.6", class: "line" }]],
  download: [["path", { d: "M10 3.2v9M6.2 8.8L10 12.6l3.8-3.8M4 15.8h12", class: "line" }]],
  outside: [["path", { d: "M11.5 4H16v4.5M16 4l-6.5 6.5M14.5 11.5v3.2a1.3 1.3 0 0 1-1.3 1.3H5.3A1.3 1.3 0 0 1 4 14.7V6.8a1.3 1.3 0 0 1 1.3-1.3h3.2", class: "line" }]],
  search: [["circle", { cx: 8.8, cy: 8.8, r: 4.8, class: "line" }], ["path", { d: "M12.4 12.4L16.5 16.5", class: "line" }]],
  page: [["path", { d: "M5.2 3h6.3l3.3 3.3V17H5.2zM11.3 3v3.5h3.5", class: "line" }]],
  info: [["circle", { cx: 10, cy: 10, r: 7.2, class: "line" }], ["path", { d: "M10 9v4.6M10 6.2v.4", class: "line" }]],
  warning: [["path", { d: "M10 2.6L18.2 17H1.8zM10 8v4.4M10 14.4v.4", class: "line" }]],
};

function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  for (const [tag, attributes] of SHAPES[name]) {
    const shape = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
    svg.appendChild(shape);
  }
  return svg;
}

// element("button", { class: "mark", label: "Citation 1" }, icon("supported"), "1"): strings become text nodes.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "click") made.addEventListener("click", value);
    else if (key === "label") made.setAttribute("aria-label", value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  if (tag === "button" && !attributes.type) made.setAttribute("type", "button");
  for (const child of children) if (child !== null && child !== undefined) made.append(child);
  return made;
}

function iconButton(name, label, click, attributes = {}) {
  return element("button", { class: "icon-button", label, title: label, click, ...attributes }, icon(name));
}

// One element of a component, made at the first drawing and kept, so that focus and scrolling survive.
function rootOf(parent, name) {
  // not by a selector: in a shadow root ":scope" finds nothing
  let root = [...parent.children].find((child) => child.classList.contains(name));
  if (!root) {
    root = element("div", { class: name });
    parent.appendChild(root);
  }
  return root;
}

// Draws a part anew only when what it shows has changed.
function redraw(root, name, shown, draw) {
  let part = root.querySelector(":scope > [data-part='" + name + "']");
  if (!part) {
    part = element("div", { "data-part": name });
    root.appendChild(part);
  }
  const signature = JSON.stringify(shown);
  if (part.shown === signature) return part;
  part.shown = signature;
  part.replaceChildren(...draw().filter(Boolean));
  part.hidden = part.childNodes.length === 0;
  return part;
}

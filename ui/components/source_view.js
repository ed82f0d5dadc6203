// A page of a source beside the answer, the cited words marked. `data` is what ui/source_view.py makes;
// events: close, turn (to a page), citation (to another one), show ("image" or "text").

const STEPS = [100, 130, 170, 220, 300];

export default function ({ data, parentElement, setTriggerValue }) {
  const root = rootOf(parentElement, "view");
  root.classList.remove("busy");
  root.setAttribute("role", "complementary");
  root.setAttribute("aria-label", "Source");
  const active = focused();
  if (active && active !== document.body && !root.contains(active)) root.opener = active;
  const send = (event, value) => {
    if (event === "close" && history.state?.source) {
      history.back(); // which comes here again
      return;
    }
    root.classList.add("busy");
    if (event === "close") root.opener?.focus(); // who came by keyboard goes on from there
    setTriggerValue(event, value);
  };
  // on a narrow screen the source lies over all of the page: there, going back is how people leave it
  if (root.pushed === undefined) {
    root.pushed = window.matchMedia("(max-width: 1000px)").matches;
    if (root.pushed) history.pushState({ source: true }, "", "#source");
  }
  root.zoom ??= root.clientWidth < 500 ? 170 : 100; // a page is not legible at a phone's width

  redraw(root, "head", [data.name, data.source, data.original], () => [head(data, send)]);
  redraw(root, "tools", [data.page, data.page_words, data.page_count, data.citation, data.view, data.both, root.zoom], () => [tools(root, data, send)]);
  redraw(root, "notes", data.notes, () => data.notes.map((words) => element("p", { class: "note", role: "status" }, icon("info"), element("span", {}, words))));
  const shown = [data.at, data.view, data.page, data.image?.boxes, data.form];
  const fresh = root.shown !== JSON.stringify(shown);
  redraw(root, "body", shown, () => [body(root, data)]);
  if (fresh) {
    root.shown = JSON.stringify(shown);
    reveal(root);
  }
  return listen(root, data, send);
}

// The element that has the focus, in whatever shadow it lies.
function focused() {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  return active;
}

function head(data, send) {
  return element(
    "div",
    { class: "head" },
    icon("page"),
    element("h2", { title: data.source }, data.name),
    data.original.open ? iconButton("outside", "Open the original", () => window.open(data.original.open, "_blank", "noopener")) : null,
    data.original.save ? iconButton("download", "Save the original", () => save(data.original.save)) : null,
    iconButton("close", "Close the source", () => send("close", true)),
  );
}

// The answer's header makes it a file to save, so the page stays where it is.
function save(address) {
  const link = element("a", { href: address, download: true });
  link.click();
}

function tools(root, data, send) {
  const turn = (page) => send("turn", page);
  return element(
    "div",
    { class: "tools" },
    data.page_count > 1
      ? element(
          "span",
          { class: "group" },
          iconButton("left", "Previous page", () => turn(data.page - 1), { disabled: data.page <= 1 }),
          element("span", {}, data.page_words),
          iconButton("right", "Next page", () => turn(data.page + 1), { disabled: data.page >= data.page_count }),
        )
      : data.page_words
        ? element("span", { class: "group" }, data.page_words)
        : null,
    data.citation ? citationStepper(data.citation, send) : null,
    data.view === "image" ? zoom(root, data) : null,
    data.both
      ? element(
          "span",
          { class: "switch last" },
          ...["image", "text"].map((view) =>
            element("button", { "aria-pressed": String(data.view === view), click: () => data.view !== view && send("show", view) }, view === "image" ? "Page" : "Text"),
          ),
        )
      : null,
  );
}

function citationStepper({ position, count, verdict }, send) {
  return element(
    "span",
    { class: "group" },
    count > 1 ? iconButton("left", "Previous citation", () => send("citation", -1), { disabled: position <= 1 }) : null,
    element("span", {}, "Citation " + position + " of " + count + "\u2002"),
    element("span", { class: "verdict " + verdict }, icon(verdict), verdict),
    count > 1 ? iconButton("right", "Next citation", () => send("citation", 1), { disabled: position >= count }) : null,
  );
}

function zoom(root, data) {
  const step = (by) => {
    root.zoom = STEPS[Math.max(0, Math.min(STEPS.length - 1, STEPS.indexOf(root.zoom) + by))];
    root.querySelector(".sheet").style.width = root.zoom + "%";
    out.disabled = root.zoom === STEPS[0];
    larger.disabled = root.zoom === STEPS.at(-1);
    percent.textContent = root.zoom + " %";
    reveal(root);
  };
  const out = iconButton("minus", "Smaller", () => step(-1), { disabled: root.zoom === STEPS[0] });
  const larger = iconButton("plus", "Larger", () => step(1), { disabled: root.zoom === STEPS.at(-1) });
  const percent = element("span", {}, root.zoom + " %");
  return element("span", { class: "group" }, out, percent, larger);
}

function body(root, data) {
  const scroll = element("div", { class: "body", tabindex: "0", role: "region", label: data.alt });
  scroll.append(data.view === "image" ? sheet(root, data) : words(data));
  return scroll;
}

function sheet(root, data) {
  const { width, height, boxes } = data.image;
  const picture = element("img", { src: data.image.url, width, height, alt: data.alt });
  const made = element("div", { class: "sheet", style: "width:" + root.zoom + "%" }, picture);
  for (const [left, top, right, bottom] of boxes) {
    const place = ["left:" + (100 * left) / width, "top:" + (100 * top) / height, "width:" + (100 * (right - left)) / width, "height:" + (100 * (bottom - top)) / height];
    made.append(element("div", { class: "box", style: place.join("%;") + "%" }));
  }
  return made;
}

function words(data) {
  const { kind, lines, tables, fields, pieces } = data.form;
  if (kind === "code" && lines.length) return code(lines);
  if (kind === "table" && tables.length) return element("div", { class: "tables" }, ...tables.map(table));
  if (!pieces.length && !fields.length) return element("div", { class: "words empty" }, "There is no text on this page.");
  const article = element("div", { class: kind === "slide" ? "words slide" : "words" });
  if (fields.length) article.append(headers(fields));
  article.append(...running(pieces));
  return article;
}

function running(pieces) {
  return pieces.map((piece) => piece.tables?.length ? element("div", { class: "inner-tables" }, ...piece.tables.map(table)) : element(piece.marked ? "mark" : "span", { class: piece.level ? "heading level" + piece.level : null }, piece.text));
}

function headers(fields) {
  return element("dl", { class: "fields" }, ...fields.flatMap(({ name, pieces }) => [element("dt", {}, name), element("dd", {}, ...running(pieces))]));
}

function code(lines) {
  const numbered = lines.some((line) => line.number);
  return element(
    "div",
    { class: numbered ? "code numbered" : "code" },
    ...lines.map(({ number, pieces, cited }) =>
      element("div", { class: cited ? "code-line cited" : "code-line" }, numbered ? element("span", { class: "number", "aria-hidden": "true" }, String(number)) : null, element("code", {}, ...running(pieces), "\n")),
    ),
  );
}

// Columns that a row says nothing in stay empty; a row with fewer cells is a title or note across them.
function table({ columns, header, rows }) {
  const numbered = rows.some((row) => row.number);
  const number = (row) => (numbered ? rowNumber(row) : null);
  const width = Math.max(columns.length, ...rows.map((row) => row.cells.length));
  const named = columns.length > 0;
  const head = named
    ? element("thead", {}, element("tr", { class: header?.cited ? "cited" : null }, number(header?.number), ...columns.map((name) => element("th", { scope: "col" }, name))))
    : null;
  const body = rows.map((row) => {
    const cells = row.cells.map((cell, place) => {
      const span = place === row.cells.length - 1 ? width - place : 1;
      return element("td", { colspan: span > 1 ? span : null }, cell ? element(cell.marked ? "mark" : "span", {}, cell.text) : null);
    });
    return element("tr", { class: row.cited ? "cited" : null }, number(row.number), ...cells);
  });
  return element("table", { class: named ? "named" : "plain" }, head, element("tbody", {}, ...body));
}

function rowNumber(row) {
  return element("th", { class: "number", scope: "row" }, row ? element("span", { class: "unseen" }, "Row ") : null, row ? String(row) : "");
}

function reveal(root) {
  const body = root.querySelector(".body");
  const target = root.querySelector(".box, mark");
  if (!body) return;
  if (!target) {
    body.scrollTop = 0;
    return;
  }
  // the picture's size is known from its attributes, so this holds before it is decoded
  const place = target.getBoundingClientRect();
  const frame = body.getBoundingClientRect();
  body.scrollTop += place.top - frame.top - frame.height * 0.3;
  // text, rows and lines are read from their beginning, as far as the words can be seen from there
  const across = place.left - frame.left + body.scrollLeft;
  body.scrollLeft = target.matches(".box") || across > frame.width * 0.7 ? across - 24 : 0;
}

function listen(root, data, send) {
  const keys = (event) => {
    if (event.key === "Escape") send("close", true);
    const inside = event.composedPath().includes(root);
    if (inside && event.key === "ArrowRight" && data.page < data.page_count) send("turn", data.page + 1);
    if (inside && event.key === "ArrowLeft" && data.page > 1) send("turn", data.page - 1);
  };
  const back = () => root.pushed && !history.state?.source && send("close", true);
  root.deafen?.();
  document.addEventListener("keydown", keys);
  window.addEventListener("popstate", back);
  root.deafen = () => {
    document.removeEventListener("keydown", keys);
    window.removeEventListener("popstate", back);
  };
  return () => root.deafen();
}

// One question and its answer, as it grows. `data` is what ui/exchange_view.py makes; events: open, stop,
// again, edit.

const LONG = { characters: 700, lines: 8 }; // a longer question is folded, so that its answer is in view
const VERDICTS = { supported: "supported", weak: "weak", unsupported: "unsupported", uncited: "uncited" };

export default function ({ data, parentElement, setTriggerValue }) {
  const root = rootOf(parentElement, "exchange");
  root.dataset.stage = data.stage;
  const open = (kind, index) => setTriggerValue("open", { kind, index });

  redraw(root, "question", data.question, () => [question(data.question)]);
  redraw(root, "label", data.label, () => (data.label ? [label(data.label)] : []));
  redraw(root, "found", [data.passages, data.folded, data.found], () => foundPassages(data, open));
  drawText(root, data, open);
  redraw(root, "going", data.going, () => (data.going ? going(data.going, setTriggerValue) : []));
  redraw(root, "trouble", data.trouble, () => (data.trouble ? [trouble(data.trouble)] : []));
  redraw(root, "citations", data.citations, () => citations(data, open));
  press(root, data.opened);
  redraw(root, "foot", data.foot, () => (data.foot ? [foot(data, setTriggerValue)] : []));
  redraw(root, "window", data.window, () => (data.window ? [ledger(data.window)] : []));

  // a new question moves to the top, so that its answer grows in view
  if (data.live && !root.met) parentElement.host.scrollIntoView({ block: "start", behavior: "smooth" });
  root.met = true;
}

function question(words) {
  const said = element("p", {}, element("span", { class: "unseen" }, "You asked: "), words);
  if (words.length <= LONG.characters && words.split("\n").length <= LONG.lines) return element("div", { class: "question" }, said);
  const folded = element("div", { class: "question long folded" }, said);
  const more = element("button", { class: "unfold", "aria-expanded": "false", click: () => {
    const open = !folded.classList.toggle("folded");
    more.setAttribute("aria-expanded", String(open));
    more.textContent = open ? "Show less" : "Show all";
  } }, "Show all");
  folded.append(more);
  return folded;
}

function label({ words, none }) {
  return element("p", { class: none ? "label none" : "label" }, none ? icon("uncited") : null, words);
}

function foundPassages(data, open) {
  if (!data.passages.length) return [];
  const cards = element("div", { class: "found" }, ...data.passages.map((passage, index) => passageCard(passage, index, open)));
  if (!data.folded) return [element("p", { class: "heading" }, data.found), cards];
  return [element("details", {}, element("summary", {}, data.found), cards)];
}

function passageCard(passage, index, open) {
  return element(
    "button",
    { class: "passage", title: passage.source, click: () => open("passage", index) },
    where(passage),
    element("span", { class: "excerpt" }, passage.excerpt),
  );
}

function where(place) {
  return element("span", { class: "where" }, element("span", { class: "name" }, place.name), element("span", { class: "page" }, place.page));
}

function verdictChip(verdict) {
  return element("span", { class: "verdict " + verdict }, icon(verdict), VERDICTS[verdict]);
}

// --- the running text: what is there is kept, what is new fades in -----------------------------------

function drawText(root, data, open) {
  let part = root.querySelector(":scope > [data-part='text']");
  if (!part) {
    part = element("div", { "data-part": "text", class: "text" });
    root.appendChild(part);
    part.drawn = [];
  }
  part.querySelector(".caret")?.remove();
  data.pieces.forEach((piece, at) => {
    const before = part.drawn[at];
    const signature = JSON.stringify(piece);
    if (before && before.signature === signature) return;
    if (before && before.piece.kind === "text" && piece.kind === "text" && piece.text.startsWith(before.piece.text)) {
      before.node.append(element("span", { class: "fresh" }, piece.text.slice(before.piece.text.length)));
    } else {
      const node = piece.kind === "text" ? element("span", { class: data.live ? "fresh" : null }, piece.text) : mark(piece, data, open);
      if (before) before.node.replaceWith(node);
      else part.append(node);
      part.drawn[at] = { node };
    }
    Object.assign(part.drawn[at], { piece, signature });
  });
  for (const { node } of part.drawn.splice(data.pieces.length)) node.remove();
  if (data.live && data.pieces.length) part.append(element("span", { class: "caret", "aria-hidden": "true" }));
  part.hidden = data.pieces.length === 0;
}

function mark(piece, data, open) {
  if (piece.kind === "uncited") {
    return element("span", { class: "mark uncited", title: piece.title }, icon("uncited"), VERDICTS.uncited);
  }
  const attributes = {
    class: "mark " + (piece.verdict ?? "pending"),
    title: piece.title,
    label: piece.title,
    "data-citation": piece.citation,
    click: () => (piece.citation === null ? open("passage", piece.passage) : open("citation", piece.citation)),
  };
  const words = piece.verdict && piece.verdict !== "supported" ? VERDICTS[piece.verdict] : null;
  return element("button", attributes, element("span", { class: "number" }, String(piece.number)), piece.verdict ? icon(piece.verdict) : null, words);
}

// Marks the citation that stands open, without drawing anything anew: the focus stays where it is.
function press(root, opened) {
  for (const button of root.querySelectorAll("button.mark, button.citation")) {
    button.setAttribute("aria-pressed", String(opened !== null && button.dataset.citation === String(opened)));
  }
}

// --- below the text ----------------------------------------------------------------------------------

function going({ words, share, stopping }, setTriggerValue) {
  const bar = share === null ? null : element("div", { class: "bar", role: "progressbar", label: words, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": String(Math.round(share * 100)) }, element("div", { style: "width:" + Math.round(share * 1000) / 10 + "%" }));
  const stop = element("button", { class: "stop", disabled: stopping, click: () => setTriggerValue("stop", true) }, icon("stop"), stopping ? "Stopping" : "Stop");
  return [element("div", { class: "going" }, element("span", { class: "words", role: "status" }, words), stop, bar)];
}

function trouble(words) {
  return element("div", { class: "trouble", role: "alert" }, icon("warning"), element("span", {}, words));
}

function citations(data, open) {
  if (!data.citations.length) return [];
  return [
    element("p", { class: "heading" }, data.citations.length === 1 ? "Citation" : "Citations"),
    element("ol", { class: "citations" }, ...data.citations.map((citation) => element("li", {}, citationRow(citation, open)))),
  ];
}

function citationRow(citation, open) {
  return element(
    "button",
    { class: "citation", title: citation.source, "data-citation": citation.index, click: () => open("citation", citation.index) },
    element("span", { class: "number" }, "[" + citation.number + "]"),
    where(citation),
    verdictChip(citation.verdict),
    element("span", { class: "quote" }, citation.quote),
  );
}

function foot(data, setTriggerValue) {
  const copy = iconButton("copy", "Copy the answer", async () => {
    if (!(await copied(data.plain))) return;
    said.textContent = "Copied";
    copy.replaceChildren(icon("done"));
    setTimeout(() => { said.textContent = ""; copy.replaceChildren(icon("copy")); }, 2000);
  });
  const said = element("span", { class: "copied", role: "status" });
  return element(
    "div",
    { class: "foot" },
    data.plain ? copy : null,
    data.plain ? said : null,
    iconButton("again", "Ask again", () => setTriggerValue("again", true)),
    iconButton("edit", "Edit the question", () => {
      setTriggerValue("edit", true);
      document.querySelector("[data-testid='stChatInputTextArea']")?.focus();
    }),
    element("span", { class: "made" }, data.foot),
  );
}

// The browser's clipboard is there on this machine and behind TLS only; the old way is there everywhere.
async function copied(words) {
  if (navigator.clipboard) return navigator.clipboard.writeText(words).then(() => true, () => false);
  const field = element("textarea", { "aria-hidden": "true", style: "position:fixed;opacity:0" });
  field.value = words;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}

// How the model's window was spent: a bar that opens into a list.
function ledger(spent) {
  const bar = element(
    "span",
    { class: "ledger-bar", "aria-hidden": "true" },
    ...spent.parts.map((part) => element("span", { class: "part-" + part.name, style: "width:" + part.share * 100 + "%" })),
  );
  const rows = spent.parts.map((part) =>
    element("li", {}, element("span", { class: "swatch part-" + part.name, "aria-hidden": "true" }), element("span", {}, part.name), element("span", { class: "tokens" }, part.tokens)),
  );
  const notes = [spent.reused, spent.estimated].filter(Boolean).map((words) => element("p", {}, words));
  const leftOut = spent.left_out.length
    ? [element("p", { class: "heading" }, "Left out"), element("ul", { class: "left-out" }, ...spent.left_out.map((words) => element("li", {}, words)))]
    : [];
  return element("details", { class: "ledger" }, element("summary", {}, bar, spent.words), element("ul", { class: "ledger-parts" }, ...rows), ...notes, ...leftOut);
}

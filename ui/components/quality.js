// An evaluation: how far it is, or its measures as a table and the questions that failed. `data` is what
// ui/quality_view.py makes; events: stop, open (with a failed question, and which of its places).

export default function ({ data, parentElement, setTriggerValue }) {
  const root = rootOf(parentElement, "quality");
  redraw(root, "going", [data.going, data.error], () => going(data, setTriggerValue));
  redraw(root, "result", data.result, () => (data.result ? result(data.result) : []));
  redraw(root, "failed", data.failed, () => (data.failed ? failures(data.failed, setTriggerValue) : []));
}

function going({ going, error }, setTriggerValue) {
  if (error) return [element("p", { class: "trouble", role: "alert" }, icon("warning"), " ", error)];
  if (!going) return [];
  const { words, far, share, stopping } = going;
  const track = element("div", { class: share === null ? "track unknown" : "track", role: "progressbar", label: far, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": share === null ? null : String(Math.round(share * 100)) });
  track.append(element("div", { style: share === null ? null : "width:" + Math.round(share * 1000) / 10 + "%" }));
  return [
    element(
      "div",
      { class: "going" },
      element("span", { class: "now", role: "status" }, words),
      element("button", { class: "stop", disabled: stopping, click: () => setTriggerValue("stop", true) }, icon("stop"), stopping ? "Stopping" : "Stop"),
      track,
      element("span", { class: "far" }, far),
    ),
  ];
}

function result(shown) {
  return [
    element("h2", {}, shown.head),
    element("p", { class: "under" }, shown.under),
    shown.rows.length ? element("div", { class: "scroll", tabindex: "0", role: "region", label: "Measures" }, table(shown)) : null,
    ...shown.notes.map((line) => element("p", { class: "note" }, line)),
  ];
}

function failures({ words, rows }, setTriggerValue) {
  const open = (row, kind, index) => setTriggerValue("open", { row, kind, index });
  return [
    element("h2", {}, words),
    rows.length ? element("ul", { class: "failed" }, ...rows.map((row, at) => element("li", {}, failed(row, at, open)))) : null,
  ];
}

function table({ columns, rows }) {
  const head = element("tr", {}, element("th", { scope: "col" }, "Measure"), ...columns.map((name) => element("th", { scope: "col", class: "figure" }, name)));
  const body = rows.map(({ words, name, cells }) => element("tr", {}, element("th", { scope: "row" }, words, name ? element("span", { class: "name" }, name) : null), ...cells.map((cell) => element("td", { class: "figure" }, cell))));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
}

function failed(row, at, open) {
  const details = element("details", {}, element("summary", {}, element("span", { class: "question" }, row.question), element("span", { class: "wrong" }, row.wrong)));
  const expected = row.expected.map((one, index) => place(one, null, () => open(at, "expected", index)));
  const found = row.found.map((one, index) => place(one, one.right ? "right" : "not it", () => open(at, "found", index)));
  details.append(
    element("p", { class: "heading" }, row.expected.length ? "Expected" : "Expected: that no document answers"),
    ...expected,
    element("p", { class: "heading" }, found.length ? "Found" : "Nothing was found"),
    ...found,
  );
  if (row.answer) details.append(element("p", { class: "heading" }, "Answer"), element("p", { class: "answer" }, row.answer));
  return details;
}

function place({ place, words }, verdict, click) {
  return element(
    "button",
    { class: "place", click },
    element("span", { class: "where" }, place),
    verdict ? element("span", { class: verdict === "right" ? "verdict supported" : "verdict unsupported" }, icon(verdict === "right" ? "supported" : "unsupported"), verdict) : null,
    words ? element("span", { class: "words" }, words) : null,
  );
}

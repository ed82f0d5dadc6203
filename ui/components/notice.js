// A line or two of words that may come from anywhere.

export default function ({ data, parentElement }) {
  const root = rootOf(parentElement, "frame");
  redraw(root, "notice", data, () => [
    element(
      "div",
      { class: "notice " + data.kind, role: data.kind === "trouble" ? "alert" : null },
      data.kind === "quiet" || data.kind === "plain" ? null : icon(data.kind === "trouble" ? "warning" : "info"),
      element("div", {}, data.title ? element("p", { class: "title" }, data.title) : null, element("p", { class: "words" }, data.words), data.more ? more(data) : null),
    ),
  ]);
}

function more({ more_label, more }) {
  return element("details", {}, element("summary", {}, more_label), element("p", { class: "words" }, more));
}

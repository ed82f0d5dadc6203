// The list of sources. `data` is what ui/library.py makes; events: open,
// again, remove (with a source's id).

const SHOWN_AT_FIRST = 200;

export default function ({ data, parentElement, setTriggerValue }) {
  const root = rootOf(parentElement, "list");
  root.most ??= SHOWN_AT_FIRST;
  root.wanted ??= "";
  redraw(root, "bar", data.count, () => (data.sources.length ? [bar(root, data)] : []));
  root.draw = () => { // kept, because the search field of an earlier drawing calls it
    const found = data.sources.filter((source) => source.search.includes(root.wanted));
    redraw(root, "table", [found, root.most, root.wanted], () => (data.sources.length ? tableOf(root, found, setTriggerValue) : []));
  };
  root.draw();
  redraw(root, "unread", data.unread, () => (data.unread.length ? unread(data.unread, setTriggerValue) : []));
}

function bar(root, data) {
  const input = element("input", { type: "search", placeholder: "Find a source", label: "Find a source", value: root.wanted });
  input.addEventListener("input", () => {
    root.wanted = input.value.trim().toLowerCase();
    root.most = SHOWN_AT_FIRST;
    root.draw();
  });
  return element("div", { class: "bar" }, element("span", { class: "count" }, data.count), element("label", { class: "find" }, icon("search"), input));
}

function tableOf(root, found, setTriggerValue) {
  if (!found.length) return [element("p", { class: "nothing" }, "No source has that in its name.")];
  const names = ["Source", "Pages", "Chunks", "Size", "Read"];
  const head = element("tr", {}, ...names.map((name, at) => element("th", { scope: "col", class: at && at < 4 ? "figure" : null }, name)), element("th", {}, element("span", { class: "unseen" }, "Read again, remove")));
  const rows = found.slice(0, root.most).map((source) => row(source, setTriggerValue));
  const more = element("button", { class: "more", click: () => { root.most += SHOWN_AT_FIRST; root.draw(); } }, "Show more (" + (found.length - root.most) + " left)");
  return [element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)), found.length > root.most ? more : null];
}

function row(source, setTriggerValue) {
  const opener = element(
    "button",
    { class: "source", title: source.path, click: () => setTriggerValue("open", source.id) },
    element("span", { class: "kind" }, source.kind),
    element("span", { class: "name" }, source.name),
    source.title ? element("span", { class: "title" }, source.title) : null,
  );
  return element(
    "tr",
    {},
    element("td", { class: "main" }, opener),
    element("td", { class: "figure", "data-label": source.pages === "1" ? "page" : "pages" }, source.pages),
    element("td", { class: "figure", "data-label": source.chunks === "1" ? "chunk" : "chunks" }, source.chunks),
    element("td", { class: "figure", "data-label": "" }, source.size),
    element("td", { class: "when" }, source.when),
    element("td", { class: "act" }, acts(source, "Remove ", setTriggerValue)),
  );
}

function acts({ id, name }, removing, setTriggerValue) {
  return element(
    "span",
    { class: "acts" },
    iconButton("again", "Read again " + name, () => setTriggerValue("again", id)),
    iconButton("remove", removing + name, () => setTriggerValue("remove", id)),
  );
}

function unread(files, setTriggerValue) {
  const rows = files.map(({ id, name, path, reason }) =>
    element(
      "li",
      {},
      element("span", { class: "name", title: path }, name),
      acts({ id, name }, "Forget ", setTriggerValue),
      element("span", { class: "reason" }, reason),
    ),
  );
  const cure = "Put the file right, then read it again; or forget it.";
  return [element("h2", {}, "Could not be read"), element("p", { class: "cure" }, cure), element("ul", { class: "unread" }, ...rows)];
}

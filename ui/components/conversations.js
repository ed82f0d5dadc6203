// The conversations that are kept. `data` is what ui/sidebar.py makes; events: open, rename, save, remove (with
// a conversation's id), search (with words).

const SHOWN_AT_FIRST = 60;
const TYPING_MILLISECONDS = 250;

export default function ({ data, parentElement, setTriggerValue }) {
  const root = rootOf(parentElement, "conversations");
  root.most ??= SHOWN_AT_FIRST;
  redraw(root, "find", data.any, () => (data.any ? [find(data, setTriggerValue)] : []));
  root.draw = () => redraw(root, "items", [data.items, data.wanted, root.most], () => lists(root, data, setTriggerValue));
  root.draw();
}

function find(data, setTriggerValue) {
  const input = element("input", { type: "search", placeholder: "Find a conversation", label: "Find a conversation", value: data.wanted });
  let waiting = 0;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => setTriggerValue("search", input.value), TYPING_MILLISECONDS);
  });
  return element("label", { class: "find" }, icon("search"), input);
}

function lists(root, data, setTriggerValue) {
  if (!data.items.length) return data.any ? [element("p", { class: "nothing", role: "status" }, "No conversation has these words.")] : [];
  const parts = [];
  let day = null;
  let list = null;
  for (const item of data.items.slice(0, root.most)) {
    if (item.day !== day) {
      day = item.day;
      list = element("ul", { label: day });
      parts.push(element("p", { class: "day", "aria-hidden": "true" }, day), list);
    }
    list.append(row(item, setTriggerValue));
  }
  const left = data.items.length - root.most;
  if (left > 0) parts.push(element("button", { class: "more", click: () => { root.most += SHOWN_AT_FIRST; root.draw(); } }, "Show more (" + left + " left)"));
  return parts;
}

function row(item, setTriggerValue) {
  const opener = element(
    "button",
    { class: "title", title: item.title, "aria-current": item.current ? "true" : null, click: () => { setTriggerValue("open", item.id); uncover(); } },
    item.busy ? element("span", { class: "busy", title: "An answer is being written" }) : null,
    item.title,
  );
  const acts = [["edit", "rename", "Rename "], ["download", "save", "Export "], ["remove", "remove", "Remove "]].map(([shape, event, words]) =>
    iconButton(shape, words + item.title, () => setTriggerValue(event, item.id)),
  );
  return element("li", { class: item.current ? "current" : null }, opener, element("span", { class: "acts" }, ...acts));
}

// On a narrow screen the sidebar lies over the page; what was opened is to be seen.
function uncover() {
  if (window.matchMedia("(max-width: 768px)").matches) document.querySelector("[data-testid='stSidebarCollapseButton'] button")?.click();
}

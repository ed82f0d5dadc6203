// What was chosen, a chip each, to be taken away one by one; event: remove.

export default function ({ data, parentElement, setTriggerValue }) {
  const root = rootOf(parentElement, "frame");
  redraw(root, "chips", data, () => [
    element(
      "ul",
      { class: "chips", label: "Asked of these documents only" },
      ...data.chips.map(({ id, label }) =>
        element(
          "li",
          { class: "chip" },
          element("span", { class: "label", title: label }, label),
          element("button", { class: "away", label: `Remove ${label}`, title: "Remove", click: () => setTriggerValue("remove", id) }, icon("close")),
        ),
      ),
    ),
  ]);
}

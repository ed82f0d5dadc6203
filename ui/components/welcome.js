// What stands where no conversation is yet: a headline and first questions to click; event: ask.

export default function ({ data, parentElement, setTriggerValue }) {
  const root = rootOf(parentElement, "welcome");
  redraw(root, "all", data, () => [
    element("h1", {}, data.title),
    element("p", { class: "under" }, data.under),
    data.questions.length ? element("p", { class: "lead" }, "To begin with") : null,
    data.questions.length ? questions(data, setTriggerValue) : null,
  ]);
}

function questions(data, setTriggerValue) {
  return element(
    "ul",
    {},
    ...data.questions.map(({ question, source }) =>
      element("li", {}, element("button", { click: () => setTriggerValue("ask", question) }, question, element("span", { class: "from" }, source))),
    ),
  );
}

// Documents being read: how far, which one, and what came of it. `data` is what ui/intake.py makes;
// event: stop.

export default function ({ data, parentElement, setTriggerValue }) {
  const root = rootOf(parentElement, "frame");
  const before = root.said;
  redraw(root, "intake", data, () => [data.going ? going(data.going, setTriggerValue) : done(data.done)]);
  root.said = data.going ? "going" : data.done.words;
  // what was begun far down in a list is shown; a report that was there when the page was opened is not
  const begun = before === undefined ? data.going : before !== root.said && (data.going || before !== "going");
  if (begun && document.hasFocus()) parentElement.host.scrollIntoView({ block: "nearest", behavior: "smooth" });
}

function going({ now, far, share, stopping }, setTriggerValue) {
  const track = element("div", { class: share === null ? "track unknown" : "track", role: "progressbar", label: far, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": share === null ? null : String(Math.round(share * 100)) });
  track.append(element("div", { style: share === null ? null : "width:" + Math.round(share * 1000) / 10 + "%" }));
  return element(
    "div",
    { class: "intake" },
    element("span", { class: "now", role: "status" }, now),
    element("button", { class: "stop", disabled: stopping, click: () => setTriggerValue("stop", true) }, icon("stop"), stopping ? "Stopping" : "Stop"),
    track,
    element("span", { class: "far" }, far),
  );
}

function done({ words, failed, trouble }) {
  const list = failed.map(({ name, reason }) => element("li", {}, element("span", { class: "name" }, name), ": " + reason));
  return element("div", { class: trouble ? "done trouble" : "done", role: "status" }, element("p", {}, words), list.length ? element("ul", {}, ...list) : null);
}

// The model at work, what is being brought here, and the files that there are. `data` is what ui/model_view.py
// makes; events: download (with a name), use (with a path), stop, none.

export default function ({ data, parentElement, setTriggerValue }) {
  const root = rootOf(parentElement, "model");
  redraw(root, "at_work", [data.at_work, data.speeds], () => [atWork(data, setTriggerValue)]);
  redraw(root, "going", [data.going, data.said, data.error], () => transfer(data, setTriggerValue));
  redraw(root, "files", [data.files, data.words, data.folder, Boolean(data.going)], () => files(data, setTriggerValue));
}

function atWork({ at_work, speeds }, setTriggerValue) {
  const figures = speeds.map(({ name, value, under }) => element("div", { class: "figure" }, element("dt", {}, name), element("dd", {}, value, element("span", { class: "under" }, under))));
  return element(
    "section",
    { class: "at-work " + at_work.kind, label: "The model at work" },
    element("p", { class: "small" }, at_work.kind === "none" ? "At the moment" : "This model answers"),
    element("p", { class: "name" }, at_work.title),
    ...at_work.lines.map((line) => element("p", { class: "line" }, line)),
    at_work.trouble ? element("p", { class: "trouble", role: "alert" }, icon("warning"), " ", at_work.trouble) : null,
    figures.length ? element("dl", {}, ...figures) : null,
    at_work.kind === "none" ? null : element("button", { class: "plain", click: () => setTriggerValue("none", true) }, "Answer with quotes only"),
  );
}

function transfer({ going, said, error }, setTriggerValue) {
  if (going) return [bar(going, setTriggerValue)];
  if (error) return [element("p", { class: "said trouble", role: "alert" }, icon("warning"), " ", error)];
  return said ? [element("p", { class: "said", role: "status" }, said)] : [];
}

function bar({ words, far, share, stopping }, setTriggerValue) {
  const track = element("div", { class: share === null ? "track unknown" : "track", role: "progressbar", label: words, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": share === null ? null : String(Math.round(share * 100)) });
  track.append(element("div", { style: share === null ? null : "width:" + Math.round(share * 1000) / 10 + "%" }));
  return element(
    "div",
    { class: "going" },
    element("span", { class: "now", role: "status" }, words),
    element("button", { class: "stop", disabled: stopping, click: () => setTriggerValue("stop", true) }, icon("stop"), stopping ? "Stopping" : "Stop"),
    track,
    element("span", { class: "far" }, far),
  );
}

function files(data, setTriggerValue) {
  const busy = Boolean(data.going);
  const rows = (chosen) => element("ul", { class: "files" }, ...chosen.map((file) => row(file, busy, setTriggerValue)));
  const others = data.files.filter((file) => !file.first);
  return [
    element("h2", {}, "Model files"),
    element("p", { class: "words" }, data.words),
    rows(data.files.filter((file) => file.first)),
    others.length ? element("details", {}, element("summary", {}, "All published files (" + others.length + " more)"), rows(others)) : null,
    element("p", { class: "folder" }, "Files are kept in " + data.folder),
  ];
}

function row(file, busy, setTriggerValue) {
  const fits = file.fits === false ? "does not fit this machine" : file.fits ? "fits this machine" : null;
  const about = [file.size, file.memory, fits, file.advice].filter(Boolean).join(" · ");
  const tags = [file.in_use ? "in use" : null, file.best ? "best for this machine" : null].filter(Boolean);
  return element(
    "li",
    { class: file.fits === false ? "large" : null },
    element("span", { class: "file" }, file.name, ...tags.map((tag) => element("span", { class: "tag" }, tag))),
    element("span", { class: "about" }, about),
    file.state ? element("span", { class: "state" }, file.state) : null,
    action(file, busy, setTriggerValue),
  );
}

function action(file, busy, setTriggerValue) {
  if (!file.act) return null;
  const [words, event, value] = file.act === "use" ? ["Use", "use", file.path] : [file.act === "go on" ? "Go on" : "Download", "download", file.name];
  return element("button", { class: file.best && file.act !== "use" ? "act best" : "act", label: words + " " + file.name, disabled: busy, click: () => setTriggerValue(event, value) }, words);
}

// Commands and texts: a button that copies them.
for (const command of document.querySelectorAll("pre.command")) {
  const folded = command.parentElement.closest(".owners > details");
  const label = folded ? `Copy all for ${command.dataset.copy}` : "Copy";
  const button = document.createElement("button");
  const show = (text) => { button.textContent = text; };
  button.type = "button";
  show(label);
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(command);
    try {
      await navigator.clipboard.writeText(command.textContent);
      show("Copied");
    } catch {
      if (folded) folded.open = true;
      getSelection().selectAllChildren(command);
      show(document.execCommand("copy") ? "Copied" : "Selected");
    }
    setTimeout(() => show(label), 2000);
  });
  if (folded) folded.before(button);
  else command.after(button);
}

// A link to a folded finding opens it.
const openTarget = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let fold = target && target.parentElement.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
};
addEventListener("hashchange", openTarget);
openTarget();

// In print everything is unfolded.
let folds = [];
addEventListener("beforeprint", () => {
  folds = [...document.querySelectorAll("details:not([open])")];
  for (const fold of folds) fold.open = true;
});
addEventListener("afterprint", () => { for (const fold of folds) fold.open = false; });

// The filter: without a checked status all statuses are shown; each word must be in the finding.
const filter = document.querySelector(".filter");
if (filter) {
  const text = filter.querySelector("[type=search]");
  const boxes = [...filter.querySelectorAll("[type=checkbox]")];
  const findings = [...document.querySelectorAll("[data-status]")];
  const groups = document.querySelectorAll(".group, .group details, .subject, .quiet-subjects");
  let opened = [];
  const apply = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const statuses = boxes.filter((box) => box.checked).map((box) => box.value);
    const all = !words.length && !statuses.length;
    const fits = (finding) => {
      const content = finding.textContent.toLowerCase();
      return (!statuses.length || statuses.includes(finding.dataset.status)) && words.every((word) => content.includes(word));
    };
    const hidden = new Set(findings.filter((finding) => !fits(finding)));
    for (const finding of findings) finding.classList.toggle("filtered-out", hidden.has(finding));
    for (const fold of opened) fold.open = false;
    opened = [];
    for (const group of groups) {
      const empty = ![...group.querySelectorAll("[data-status]")].some((finding) => !hidden.has(finding));
      group.classList.toggle("filtered-out", !all && empty);
      if (!all && !empty && group.tagName === "DETAILS" && !group.open) {
        group.open = true;
        opened.push(group);
      }
    }
    filter.querySelector("output").textContent = all ? "all shown" : `${findings.length - hidden.size} of ${findings.length} shown`;
  };
  filter.addEventListener("input", apply);
  filter.hidden = false;
  apply();
}

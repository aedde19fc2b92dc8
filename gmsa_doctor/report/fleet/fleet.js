
// A service of a fleet: a button shows its findings, the worst first.
const table = document.getElementById("findings");
if (table) {
  const { findings, subjects } = JSON.parse(table.textContent);
  const order = ["fail", "error", "unknown", "warn", "waived", "pass", "skipped"];
  const add = (parent, name, text) => {
    const element = parent.appendChild(document.createElement(name));
    if (text) element.textContent = text;
    return element;
  };
  const draw = (parent, number) => {
    const [names, ...own] = subjects[number];
    const fill = (template, text) => template && text
      ? text.replace(/<(service|revision|family|container)>/g, (placeholder) => names[placeholder] ?? placeholder) : text;
    const list = add(parent, "ul");
    list.className = "findings";
    for (const one of own.map((index) => findings[index]).sort((a, b) => order.indexOf(a[1]) - order.indexOf(b[1]))) {
      const [template, status, check, title, ...texts] = one;
      const [summary, observed, expected, fix, ...commands] = texts.map((text) => fill(template, text));
      const item = add(list, "li");
      item.className = status;
      add(item, "p", `${status}: ${summary}`);
      const meta = add(item, "p", [check, title].filter(Boolean).join(" · "));
      meta.className = "meta";
      for (const [name, text] of [["observed", observed], ["expected", expected], ["fix", fix]]) if (text) add(item, "p", `${name}: ${text}`);
      for (const command of commands) add(item, "pre", command);
    }
    return list;
  };
  for (const service of document.querySelectorAll(".brief > li[id^=subject-]")) {
    const content = service.querySelector("div");
    const button = add(content, "button", "Findings");
    let list = null;
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      list ??= draw(content, service.id.slice("subject-".length));
      list.hidden = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!list.hidden));
    });
  }
}

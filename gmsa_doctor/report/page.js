for (const command of document.querySelectorAll("pre.command")) {
  const button = document.createElement("button");
  const say = (text) => { button.textContent = text; };
  const select = () => getSelection().selectAllChildren(command);
  button.type = "button";
  say("Copy");
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    select();
    try {
      await navigator.clipboard.writeText(command.textContent);
      say("Copied");
    } catch {
      say(document.execCommand("copy") ? "Copied" : "Selected");
    }
    setTimeout(() => say("Copy"), 2000);
  });
  command.after(button);
}

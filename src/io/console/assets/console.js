// What makes pages more comfortable. Everything works without it.
"use strict";

// A form that was sent is not sent twice by an impatient click.
document.addEventListener("submit", (event) => {
  const form = event.target;
  // Its answer is a file: the page stays, and the form with it.
  if (form.hasAttribute("data-download")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
});

// Coming back by the browser's arrow, a form may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// On a narrow screen the pages stand in a strip: the present one is brought into view.
document.querySelector(".side [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

// A menu of a filter form takes effect at once.
document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (event.target.tagName === "SELECT" && form && form.method === "get") form.requestSubmit();
});

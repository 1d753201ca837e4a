import { search } from "./search.ts";
import { showResults } from "./show-results.ts";

const field = document.querySelector<HTMLInputElement>("#tsd-search-input");
const list = document.querySelector<HTMLElement>("#tsd-search-results");
const status = document.querySelector<HTMLElement>("#tsd-search-status");

if (field !== null && list !== null && status !== null) {
  status.textContent = "";
  let asked = 0;
  field.addEventListener("input", () => {
    const turn = ++asked;
    void search(field.value).then((results) => {
      if (turn === asked) showResults(field.value, results, list, status);
    });
  });
}

// A table or a picture that is wider than the page is scrolled by itself, and by the keyboard, too.
for (const wide of document.querySelectorAll<HTMLElement>(".tsd-typography table, .tsd-signature, pre")) {
  if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
}

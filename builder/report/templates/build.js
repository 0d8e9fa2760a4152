
"use strict";
// Without this script everything can still be read; with it, texts can be searched, filtered and linked to.
(() => {
  const form = document.getElementById("page-filter");
  const state = document.getElementById("page-state");
  const articles = [...document.querySelectorAll("article")];
  const groups = [...document.querySelectorAll(".group")];
  const plain = (text) => text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ");
  const texts = new Map();

  function textOf(article) {
    if (!texts.has(article)) {
      const found = [...article.querySelectorAll("[data-text]")].map((part) => part.textContent);
      texts.set(article, plain([...found, ...names(article)].join("\n")));
    }
    return texts.get(article);
  }

  function names(article) {
    return JSON.parse(article.dataset.names).filter(Boolean);
  }

  function fits(article, words, wanted) {
    for (const [key, value] of wanted) {
      const own = key === "principle" ? JSON.parse(article.dataset.principle) : [article.dataset[key]];
      if (!own.includes(value)) return false;
    }
    return words.every((word) => textOf(article).includes(word));
  }

  function apply() {
    const words = plain(form.elements.words.value).split(" ").filter(Boolean);
    const wanted = [...form.querySelectorAll("select")]
      .filter((select) => select.value)
      .map((select) => [select.name, JSON.parse(select.value)]);
    let shown = 0;
    for (const article of articles) {
      article.hidden = !fits(article, words, wanted);
      shown += !article.hidden;
    }
    for (const group of groups) {
      group.hidden = !articles.some((article) => !article.hidden && article.dataset.group === group.dataset.group);
    }
    const all = articles.length;
    state.textContent = shown === all ? `${all} ${all === 1 ? "text" : "texts"}` : shown ? `${shown} of ${all} texts` : "No text fits. Clear the filters to see all.";
  }

  function follow() {
    let name = location.hash.slice(1);
    try { name = decodeURIComponent(name); } catch { /* it is then looked for as it stands */ }
    if (!name || name.startsWith("page-")) return;
    const article =
      document.getElementById(name)?.closest("article") ?? articles.find((one) => names(one).includes(name));
    if (!article) {
      state.textContent = `This page has no text ${name}.`;
      return;
    }
    if (article.hidden) {
      form.reset();
      apply();
    }
    const details = article.querySelector("details");
    details.open = true;
    article.scrollIntoView();
    details.querySelector("summary").focus({ preventScroll: true });
  }

  let waiting = 0;
  form.addEventListener("input", (event) => {
    if (event.target.name === "marks") {
      document.body.classList.toggle("unmarked", !event.target.checked);
      return;
    }
    clearTimeout(waiting);
    waiting = setTimeout(apply, event.target.name === "words" ? 150 : 0);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => {
    document.body.classList.remove("unmarked");
    apply();
  }));
  addEventListener("hashchange", follow);
  form.hidden = false;
  apply();
  // The browser goes to the address's place by itself while it loads; what is said here comes after that.
  if (document.readyState === "complete") follow();
  else addEventListener("load", () => setTimeout(follow));
})();

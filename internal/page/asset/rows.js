// SPDX-License-Identifier: Apache-2.0
// Keys for a list of links: J and K, or the arrows, go down and up; a digit opens the line that bears it, a slash
// goes to the search. They work only while the focus is inside the list (WCAG 2.2, 2.1.4), so they never catch what is typed elsewhere.
for (const list of document.querySelectorAll('[data-rows]')) {
  const links = [...list.querySelectorAll('tbody th a')];
  if (links.length === 0) continue;
  for (const hint of document.querySelectorAll('[data-rows-hint]')) hint.hidden = false;
  list.addEventListener('keydown', (e) => {
    if (e.altKey || e.ctrlKey || e.metaKey) return;
    const at = links.indexOf(document.activeElement);
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[e.key];
    if (step) {
      links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
      e.preventDefault();
      return;
    }
    if (e.key === '/') {
      const search = document.querySelector('[data-find]');
      if (search) {
        search.focus();
        e.preventDefault();
      }
      return;
    }
    const line = links.find((a) => a.dataset.key === e.key);
    if (line) {
      line.click();
      e.preventDefault();
    }
  });
}

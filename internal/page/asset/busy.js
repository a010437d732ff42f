// SPDX-License-Identifier: Apache-2.0
// A step that takes its time says so while the answer is on its way.
for (const form of document.querySelectorAll('form[data-busy]')) {
  const note = form.querySelector('[data-busy-note]');
  form.addEventListener('submit', () => {
    form.classList.add('busy');
    form.setAttribute('aria-busy', 'true');
    if (note) note.hidden = false;
  });
  window.addEventListener('pageshow', () => {
    form.classList.remove('busy');
    form.removeAttribute('aria-busy');
    if (note) note.hidden = true;
  });
}
// A digit chooses the line that bears it, inside its own group only (WCAG 2.2, 2.1.4).
for (const group of document.querySelectorAll('[data-digits]')) {
  group.addEventListener('keydown', (e) => {
    if (e.altKey || e.ctrlKey || e.metaKey || !/^[1-9]$/.test(e.key) || e.target.matches('input:not([type=radio]),textarea,select')) return;
    const one = group.querySelectorAll('input[type=radio]')[Number(e.key) - 1];
    if (!one) return;
    one.checked = true;
    one.focus();
    e.preventDefault();
  });
}

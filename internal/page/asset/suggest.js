// SPDX-License-Identifier: Apache-2.0
// Suggestions under a search box, as links: [data-suggest] on the input is the address that answers
// [{href, before, match, after, note}, …]. Without this script the form simply searches.
for (const input of document.querySelectorAll('input[data-suggest]')) {
  const list = document.createElement('ul');
  list.className = 'sug';
  list.hidden = true;
  const said = document.createElement('p');
  said.className = 'sr';
  said.setAttribute('role', 'status');
  input.closest('.find').after(list, said);
  let wait = 0, asked = 0;
  const span = (name, text) => {
    const e = document.createElement(name);
    e.textContent = text;
    return e;
  };
  const show = (found) => {
    list.replaceChildren(...found.map((f) => {
      const a = document.createElement('a');
      a.href = f.href;
      const name = document.createElement('span');
      name.append(f.before, span('mark', f.match), f.after);
      const note = span('span', f.note);
      note.className = 'q';
      a.append(name, note);
      const li = document.createElement('li');
      li.append(a);
      return li;
    }));
    list.hidden = found.length === 0;
    said.textContent = found.length ? input.dataset.suggestSaid.replace('{n}', found.length) : '';
  };
  input.addEventListener('input', () => {
    clearTimeout(wait);
    const turn = ++asked;
    if (!input.value.trim()) return show([]);
    wait = setTimeout(async () => {
      try {
        const answer = await fetch(input.dataset.suggest + encodeURIComponent(input.value));
        const found = answer.ok ? await answer.json() : [];
        if (turn === asked) show(found);
      } catch { /* offline: the form still searches */ }
    }, 120);
  });
  input.form.addEventListener('keydown', (e) => {
    const links = [...list.querySelectorAll('a')];
    const at = links.indexOf(document.activeElement);
    if (e.key === 'Escape') { show([]); input.focus(); }
    if (list.hidden || (e.key !== 'ArrowDown' && e.key !== 'ArrowUp')) return;
    e.preventDefault();
    const to = at + (e.key === 'ArrowDown' ? 1 : -1);
    (to < 0 ? input : links[Math.min(to, links.length - 1)]).focus();
  });
}

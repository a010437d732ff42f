// SPDX-License-Identifier: Apache-2.0
// Words that were typed and not saved yet survive a reload and a lost network. They are kept for this tab alone, with
// the version of the dossier that the page showed; they are forgotten with the save that took them, on signing out and
// after an hour. Files are not kept.
const hour = 60 * 60 * 1000;
const prefix = 'draft:';

// forget drops what is too old, or everything.
export function forget(all) {
  for (const key of Object.keys(sessionStorage)) {
    if (!key.startsWith(prefix)) continue;
    let at = 0;
    try { at = JSON.parse(sessionStorage.getItem(key)).at; } catch { /* not ours */ }
    if (all || Date.now() - at > hour) sessionStorage.removeItem(key);
  }
}

const fieldsOf = (form) => [...form.elements].filter((e) => e.name && !['hidden', 'file', 'password', 'submit', 'button'].includes(e.type));

function values(form) {
  const out = {};
  for (const e of fieldsOf(form)) {
    if (e.type === 'radio' || e.type === 'checkbox') {
      if (e.checked) (out[e.name] ??= []).push(e.value);
      else out[e.name] ??= [];
    } else out[e.name] = [e.value];
  }
  return out;
}

function restore(form, kept) {
  for (const e of fieldsOf(form)) {
    if (!(e.name in kept)) continue;
    if (e.type === 'radio' || e.type === 'checkbox') e.checked = kept[e.name].includes(e.value);
    else e.value = kept[e.name][0] ?? '';
  }
}

// reached asks the server for next to nothing.
async function reached() {
  try {
    return (await fetch(import.meta.url, { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(4000) })).ok;
  } catch {
    return false;
  }
}

forget(false);
const wrong = document.querySelector('.errsum') !== null;
const page = document.querySelector('[data-dossier]');
const read = (key) => {
  try { return JSON.parse(sessionStorage.getItem(key)); } catch { return null; }
};
// What was sent, and stands in a later version by now, was taken.
if (page && !wrong) {
  for (const key of Object.keys(sessionStorage)) {
    if (!key.startsWith(`${prefix}${page.dataset.dossier}:`)) continue;
    const kept = read(key);
    if (kept?.sent && kept.version !== page.dataset.version) sessionStorage.removeItem(key);
  }
}
for (const form of document.querySelectorAll('form[data-draft]')) {
  const key = `${prefix}${page.dataset.dossier}:${form.dataset.draft}`;
  const version = page.dataset.version;
  const said = document.querySelector('[data-unsaved]');
  const first = JSON.stringify(values(form));
  const show = (name) => {
    if (!said) return;
    said.hidden = !name;
    for (const line of said.querySelectorAll('[data-when]')) line.hidden = line.dataset.when !== name;
  };
  const keep = (sent) => sessionStorage.setItem(key, JSON.stringify({ at: Date.now(), version, sent, values: values(form) }));
  const kept = read(key);
  // A page that comes back with problems holds the typed words already.
  if (kept && !wrong) {
    restore(form, kept.values);
    if (JSON.stringify(values(form)) === first) sessionStorage.removeItem(key);
    else show('restored');
  }
  let timer;
  form.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (JSON.stringify(values(form)) !== first) keep(false);
      else {
        sessionStorage.removeItem(key);
        show('');
      }
    }, 250);
  });
  // With the server gone a form would lead to the browser's own error page: it stays here instead, and goes when the
  // server answers again. What the browser holds of the network is a reason to ask, no answer: a counter whose line is
  // down still reaches a server in the house.
  let waiting = false;
  let tried = false;
  let by = null;
  const again = async () => {
    if (!waiting) return;
    if (!navigator.onLine && !await reached()) {
      setTimeout(again, 2000);
      return;
    }
    if (!waiting) return;
    waiting = false;
    tried = true;
    show('');
    form.requestSubmit(by);
  };
  form.addEventListener('submit', (e) => {
    clearTimeout(timer);
    const sends = tried || navigator.onLine;
    tried = false;
    keep(sends);
    if (sends) return;
    e.preventDefault();
    e.stopImmediatePropagation();
    by = e.submitter;
    if (waiting) return;
    waiting = true;
    const ask = async () => {
      if (!await reached()) show('offline');
      again();
    };
    ask();
  }, true);
  window.addEventListener('online', () => {
    show('');
    again();
  });
  window.addEventListener('offline', async () => {
    if (!await reached()) show('offline');
  });
}
for (const form of document.querySelectorAll('form[action="/signout"]')) form.addEventListener('submit', () => forget(true));

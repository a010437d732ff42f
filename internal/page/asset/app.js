// SPDX-License-Identifier: Apache-2.0
// The door as an app: its worker, and the button that installs it where the browser offers one.
const worker = '/_/worker.js';
const policy = globalThis.trustedTypes?.createPolicy('app', {
  createScriptURL: (path) => {
    if (path !== worker) throw new TypeError('no script of this app');
    return path;
  },
});

if ('serviceWorker' in navigator) {
  const where = policy ? policy.createScriptURL(worker) : worker;
  const how = { scope: '/', updateViaCache: 'none' };
  const start = () => navigator.serviceWorker.register(where, { ...how, type: 'module' })
    .catch(() => navigator.serviceWorker.register(where, how)) // browsers without module workers; it imports nothing
    .then(() => navigator.serviceWorker.ready)
    .then((r) => {
      const { lang, dataset } = document.documentElement;
      r.active.postMessage({ language: lang, theme: dataset.theme ?? '', size: dataset.size ?? '' });
    })
    .catch(() => {}); // a private window may refuse; every page works without
  if (document.readyState === 'complete') start();
  else addEventListener('load', start, { once: true });
}

const buttons = document.querySelectorAll('[data-install]');
addEventListener('beforeinstallprompt', (e) => {
  if (!buttons.length) return; // the browser's own way of asking stays
  e.preventDefault();
  for (const b of buttons) {
    b.hidden = false;
    for (const button of b.querySelectorAll('button')) button.onclick = () => e.prompt();
  }
});
addEventListener('appinstalled', () => { for (const b of buttons) b.hidden = true; });
if (matchMedia('(display-mode: standalone)').matches || navigator.standalone) {
  for (const n of document.querySelectorAll('[data-installed]')) n.hidden = false;
  for (const n of document.querySelectorAll('[data-not-installed]')) n.hidden = true;
}

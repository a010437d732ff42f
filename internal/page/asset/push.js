// SPDX-License-Identifier: Apache-2.0
// Notices on this device. The form is offered where the browser has Web Push and she has not said no; the browser asks
// her only when she presses. What stands in the page for each case is shown or hidden here, and nothing is decided.
const root = document.querySelector('[data-push]');
const tell = (what) => { for (const n of root.querySelectorAll('[data-when]')) n.hidden = n.dataset.when !== what; };
const bytes = (s) => Uint8Array.from(atob(s.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const text = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const print = async (endpoint) => text((await crypto.subtle.digest('SHA-256', new TextEncoder().encode(endpoint))).slice(0, 12));
const within = (promise, ms) => Promise.race([promise, new Promise((_, no) => { setTimeout(() => no(new Error('no answer')), ms); })]);

async function start() {
  // A worker that is slow to start is waited for; meanwhile the page says what else there is.
  const late = setTimeout(() => tell('none'), 5000);
  const worker = await navigator.serviceWorker.ready;
  clearTimeout(late);
  if (Notification.permission === 'denied') return tell('denied');
  const mine = await worker.pushManager.getSubscription();
  const mark = mine && Notification.permission === 'granted' ? await print(mine.endpoint) : '';
  let on = false;
  for (const n of document.querySelectorAll('[data-print]')) {
    n.hidden = n.dataset.print !== mark;
    on ||= !n.hidden;
  }
  return tell(on ? 'on' : 'offer');
}

async function subscribe(form) {
  if (await Notification.requestPermission() !== 'granted') return tell(Notification.permission === 'denied' ? 'denied' : 'offer');
  const { pushManager } = await navigator.serviceWorker.ready;
  const key = root.dataset.push;
  let s = await pushManager.getSubscription();
  if (s?.options.applicationServerKey && text(s.options.applicationServerKey) !== key) {
    await s.unsubscribe();
    s = null;
  }
  s ??= await within(pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) }), 30000);
  form.elements.namedItem('endpoint').value = s.endpoint;
  form.elements.namedItem('p256dh').value = text(s.getKey('p256dh'));
  form.elements.namedItem('auth').value = text(s.getKey('auth'));
  form.submit();
}

if (root && 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window) {
  const form = root.querySelector('form');
  form.addEventListener('submit', (e) => {
    e.preventDefault();
    tell('busy');
    subscribe(form).catch(() => tell('failed'));
  });
  start().catch(() => tell('none'));
}

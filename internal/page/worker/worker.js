// SPDX-License-Identifier: Apache-2.0
// The service worker of an installable door (docs/decisions/0027). It keeps public files and one page without a name on
// it; never a page about a person, never an answer to one. It touches no POST, so that the server sees every form as the
// browser sent it. It stands in no module's way: it imports nothing.
const VERSION = 'VERSION';
const SHELF = ['SHELF'];
const files = 'danh-files-' + VERSION;
const look = 'danh-look'; // language, colours and text size of the last page: for the page without a network
const lookAt = '/_/look';
const INBOX = 'INBOX_PATH'; // where a notice leads
const PUSH = 'PUSH_PATH'; // where a new subscription is told; empty without notices
const asset = /^\/_\/[0-9a-f]{12}\//; // named by their content, hence never stale

self.addEventListener('install', (e) => {
  e.waitUntil((async () => {
    const shelf = await caches.open(files);
    // Without cookies: what is kept is what a stranger gets.
    await shelf.addAll(SHELF.map((path) => new Request(path, { credentials: 'omit', cache: 'no-cache' })));
    await self.skipWaiting();
  })());
});

self.addEventListener('activate', (e) => {
  e.waitUntil((async () => {
    for (const name of await caches.keys()) if (name !== files && name !== look) await caches.delete(name);
    if (self.registration.navigationPreload) await self.registration.navigationPreload.enable();
    await self.clients.claim();
  })());
});

self.addEventListener('message', (e) => {
  const { language, theme, size } = e.data ?? {};
  const kept = {
    language: language === 'en' ? 'en' : 'vi',
    theme: theme === 'light' || theme === 'dark' ? theme : '',
    size: size === 'large' || size === 'huge' ? size : '',
  };
  e.waitUntil(caches.open(look).then((c) => c.put(lookAt, new Response(JSON.stringify(kept)))));
});

async function offline(url) {
  const kept = await (await (await caches.open(look)).match(lookAt))?.json() ?? { language: 'vi', theme: '', size: '' };
  let language = kept.language;
  const asked = url.pathname === '/_/offline' ? url.searchParams.get('language') : '';
  if (asked === 'vi' || asked === 'en') language = asked;
  const page = await (await caches.open(files)).match('/_/offline?language=' + language);
  if (!page) return Response.error();
  let attributes = '';
  if (kept.theme) attributes += ` data-theme="${kept.theme}"`;
  if (kept.size) attributes += ` data-size="${kept.size}"`;
  const body = (await page.text()).replace(/^<!doctype html>\s*<html/i, (start) => start + attributes);
  const headers = new Headers();
  for (const name of ['Content-Type', 'Content-Language', 'Content-Security-Policy', 'X-Content-Type-Options', 'Referrer-Policy', 'Permissions-Policy', 'Cross-Origin-Opener-Policy']) {
    if (page.headers.has(name)) headers.set(name, page.headers.get(name));
  }
  headers.set('Cache-Control', 'no-store');
  return new Response(body, { headers });
}

async function visit(e, url) {
  try {
    return await e.preloadResponse ?? await fetch(e.request);
  } catch {
    return offline(url);
  }
}

async function file(request) {
  const shelf = await caches.open(files);
  const kept = await shelf.match(request, { ignoreVary: true });
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.status === 200 && answer.type === 'basic') await shelf.put(request, answer.clone());
  return answer;
}

self.addEventListener('fetch', (e) => {
  const url = new URL(e.request.url);
  if (e.request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (e.request.mode === 'navigate') e.respondWith(visit(e, url));
  else if (asset.test(url.pathname)) e.respondWith(file(e.request));
});

// A notice (docs/decisions/0031) is one of a few fixed lines; what it is about is read in the inbox, behind the sign-in.
// Nothing is fetched for it and nothing kept. A repeat bears the same id and makes no noise.
const line = (v, most) => (typeof v === 'string' ? v.slice(0, most) : '');
self.addEventListener('push', (e) => {
  e.waitUntil((async () => {
    let n = null;
    try { n = e.data?.json(); } catch { /* a push that is none of ours still has to show something */ }
    const tag = line(n?.tag, 32) || 'general';
    const id = line(n?.id, 64);
    const [shown] = await self.registration.getNotifications({ tag });
    const again = id !== '' && shown?.data === id;
    await self.registration.showNotification(line(n?.title, 80) || 'Danh', {
      body: line(n?.body, 160), lang: n?.lang === 'en' ? 'en' : 'vi', tag, renotify: !again, silent: again, data: id,
    });
  })());
});

self.addEventListener('notificationclick', (e) => {
  e.notification.close();
  e.waitUntil((async () => {
    for (const c of await self.clients.matchAll({ type: 'window' })) {
      const { pathname } = new URL(c.url);
      if (pathname !== '/' && pathname !== INBOX) continue; // whoever fills in a form keeps it
      await c.focus();
      return c.navigate(INBOX);
    }
    return self.clients.openWindow(INBOX);
  })());
});

// The browser gave its subscription up for another. Whoever has the former one's secret is this browser; nobody needs to
// be signed in. When the former one is not told, Settings says that notices are off here.
self.addEventListener('pushsubscriptionchange', (e) => {
  if (!PUSH) return;
  e.waitUntil((async () => {
    const former = e.oldSubscription?.toJSON();
    if (!former) return;
    let next = e.newSubscription;
    if (!next) {
      const text = await (await fetch(PUSH + '/key', { credentials: 'omit', cache: 'no-store' })).text();
      const key = Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
      next = await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    }
    const body = JSON.stringify({ former: { endpoint: former.endpoint, auth: former.keys.auth }, next: next.toJSON() });
    await fetch(PUSH + '/renew', { method: 'POST', credentials: 'omit', headers: { 'Content-Type': 'application/json' }, body });
  })());
});

// SPDX-License-Identifier: Apache-2.0
// Waiting for a phone. The page asks how far its request is, every two seconds while somebody looks at it; once the
// phone has approved it presses the button that stands there anyway.
const box = document.querySelector('[data-remote]');

async function ask() {
  if (document.hidden) return false;
  const r = await fetch(box.dataset.remote, { headers: { Accept: 'application/json' }, credentials: 'same-origin', cache: 'no-store' });
  if (!r.ok) return false;
  const { state } = await r.json();
  if (state === 'approved') {
    document.getElementById('main').requestSubmit();
    return true;
  }
  if (state === box.dataset.state) return false;
  location.reload();
  return true;
}

if (box) {
  const again = () => ask().catch(() => false).then((done) => { if (!done) setTimeout(again, 2000); });
  setTimeout(again, box.dataset.state === 'approved' ? 0 : 2000);
  document.addEventListener('countdown-over', () => setTimeout(() => location.reload(), 1000));
}

// SPDX-License-Identifier: Apache-2.0
// Letting a countdown tick. The seconds come from the server, so a wrong clock in the device does no harm.
const two = (n) => String(n).padStart(2, '0');
const face = (s) => (s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`);

export function clocks(root) {
  for (const clock of root.querySelectorAll('[data-countdown]')) {
    const total = Number(clock.dataset.countdown);
    const start = performance.now();
    const bar = clock.closest('[data-countdown-box]')?.nextElementSibling?.querySelector?.('.fg');
    const full = bar ? Number(bar.getAttribute('width')) : 0;
    const tick = () => {
      const left = Math.max(0, Math.ceil(total - (performance.now() - start) / 1000));
      clock.textContent = left > 0 ? face(left) : clock.dataset.over;
      if (bar && total > 0) bar.setAttribute('width', String((full * left) / total));
      if (left > 0) setTimeout(tick, 1000);
      else clock.dispatchEvent(new CustomEvent('countdown-over', { bubbles: true }));
    };
    if (total > 0) tick();
  }
}

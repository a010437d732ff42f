// SPDX-License-Identifier: Apache-2.0
// Small comforts. Every page works without this file; nothing here decides anything.
import { secrets } from './secret.js';
import { numbers } from './number.js';
import { codes } from './otp.js';
import { clocks } from './clock.js';
import { once } from './once.js';
import { pictures } from './picture.js';

for (const summary of document.querySelectorAll('[data-focus]')) summary.focus();
secrets(document);
numbers(document);
codes(document);
clocks(document);
once(document);
pictures(document);
for (const tab of document.querySelectorAll('.tabs [aria-current]')) { // a row that is wider than a phone shows where she is
  const row = tab.parentElement, at = tab.getBoundingClientRect(), room = row.getBoundingClientRect();
  row.scrollLeft += at.left - room.left - (room.width - at.width) / 2;
}
for (const button of document.querySelectorAll('[data-print]')) {
  button.hidden = false;
  button.addEventListener('click', () => window.print());
}

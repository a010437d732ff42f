// SPDX-License-Identifier: Apache-2.0
// The page without a network tries again when asked, and by itself when the network is back.
const again = () => {
  if (location.pathname === '/_/offline') location.replace('/');
  else location.reload();
};
for (const b of document.querySelectorAll('[data-again]')) b.addEventListener('click', again);
addEventListener('online', again);

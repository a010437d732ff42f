// SPDX-License-Identifier: Apache-2.0
// Scanning a QR code with this phone's camera.
//
//   <div data-scan="/scan/picture" data-into="text" hidden>…<video>…<button data-start>…<button data-stop>…</div>
//
// Pictures go to this door one at a time, are read there and kept nowhere. What was read is put into the field and its
// form is sent. Without camera or script the form for a photo does the same.
const pause = 400;
const width = 960;

function bind(box) {
  const video = box.querySelector('video');
  const start = box.querySelector('[data-start]');
  const stop = box.querySelector('[data-stop]');
  const field = box.closest('form').elements.namedItem(box.dataset.into);
  let stream;

  const say = (what) => { for (const p of box.querySelectorAll('[data-say]')) p.hidden = p.dataset.say !== what; };
  const end = () => {
    for (const t of stream?.getTracks() ?? []) t.stop();
    stream = undefined;
    video.srcObject = null;
    box.classList.remove('live');
    start.hidden = false;
    stop.hidden = true;
  };

  async function look() {
    const canvas = document.createElement('canvas');
    canvas.width = Math.min(width, video.videoWidth);
    canvas.height = Math.round((canvas.width * video.videoHeight) / video.videoWidth);
    canvas.getContext('2d').drawImage(video, 0, 0, canvas.width, canvas.height);
    const picture = await new Promise((done) => { canvas.toBlob(done, 'image/jpeg', 0.85); });
    const answer = await fetch(box.dataset.scan, { method: 'POST', redirect: 'error', cache: 'no-store', headers: { 'Content-Type': 'image/jpeg' }, body: picture });
    return answer.status === 200 ? answer.text() : '';
  }

  async function run() {
    say('');
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment', width: { ideal: 1280 } }, audio: false });
    } catch {
      say('none');
      return;
    }
    video.srcObject = stream;
    box.classList.add('live');
    start.hidden = true;
    stop.hidden = false;
    say('wait');
    await video.play();
    while (stream) {
      let text = '';
      try {
        if (video.videoWidth > 0) text = await look();
      } catch {
        end();
        say('none');
        return;
      }
      if (text && stream) {
        end();
        field.value = text;
        field.form.requestSubmit();
        return;
      }
      await new Promise((done) => { setTimeout(done, pause); });
    }
  }

  start.addEventListener('click', run);
  stop.addEventListener('click', () => { end(); say(''); });
  addEventListener('pagehide', end);
  box.hidden = false;
}

if (navigator.mediaDevices?.getUserMedia) for (const box of document.querySelectorAll('[data-scan]')) bind(box);

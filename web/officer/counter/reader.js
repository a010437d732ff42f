// SPDX-License-Identifier: Apache-2.0
// Having the counter's reader read. The agent runs on the officer's own machine; the server gives the nonce and takes
// in what the agent signed. What opens a chip goes to the agent alone.
//
//   import { read, status } from '/counters/reader.js';
//   const statement = await read({ kind: 'finger', positions: [1, 2], dossier: KEY });   // a Blob for the server
//
// or without a line of script, around a form that takes the statement as a file:
//
//   <div data-reader data-kind="finger" data-positions="1,2" data-dossier="KEY">
//     <form method="post" action="/…" enctype="multipart/form-data" hidden><input type="file" name="statement"></form>
//   </div>
//
// With data-post instead of a form the statement is posted as it is, and the page is loaded anew when it was taken.

// The page's policy names the agent's address; data-agent says it where it is not the usual one.
export const agent = document.querySelector('[data-agent]')?.dataset.agent ?? 'http://127.0.0.1:8087';
export const mediaType = 'application/vnd.danh.reading+json';

const english = document.documentElement.lang === 'en';
const say = (vi, en) => (english ? en : vi);

const words = {
  missing: say('Không thấy máy đọc trên máy này. Chạy “danh reader run”, rồi thử lại.', 'No reader answers on this machine. Start “danh reader run”, then try again.'),
  unpaired: say('Máy đọc trên máy này chưa ghép nối với bàn làm việc này. Ghép nối ở trang Quầy tiếp nhận.', 'The reader on this machine is not paired with this console. Pair it on the page Counters.'),
  origin: say('Máy đọc trên máy này ghép nối với một địa chỉ khác. Ghép nối lại ở trang Quầy tiếp nhận.', 'The reader on this machine is paired with another address. Pair it again on the page Counters.'),
  counter: say('Máy đọc vừa được ghép nối lại. Tải lại trang.', 'The reader was paired anew. Load the page again.'),
  form: say('Máy đọc không hiểu yêu cầu. Có thể chương trình đọc đã cũ.', 'The reader did not understand. Its program may be too old.'),
  busy: say('Máy đọc đang đọc việc khác. Chờ xong rồi thử lại.', 'The reader is busy. Wait until it is done.'),
  device: say('Máy này không có thiết bị cho việc đó.', 'This machine has no device for that.'),
  timeout: say('Hết giờ mà chưa đọc được gì. Thử lại.', 'Nothing was read in time. Try again.'),
  access: say('Chip không mở: số thẻ, ngày sinh hoặc ngày hết hạn chưa đúng như in trên thẻ.', 'The chip did not open: card number, birth date or expiry are not as printed on the card.'),
  failed: say('Thiết bị báo lỗi. Đặt lại thẻ hoặc ngón tay rồi thử lại.', 'The device failed. Lay down the card or finger again and retry.'),
  session: say('Phiên làm việc đã hết. Tải lại trang để đăng nhập.', 'Your session has ended. Load the page again to sign in.'),
  network: say('Mất kết nối tới máy chủ. Kiểm tra mạng rồi thử lại.', 'The server is out of reach. Check the network and try again.'),
  zone: say('Điền số thẻ, ngày sinh và ngày hết hạn như in trên thẻ.', 'Fill in card number, birth date and expiry as printed on the card.'),
};

// Problem carries a code of the list above, and words for the officer.
export class Problem extends Error {
  constructor(code, text) {
    super(text ?? words[code] ?? words.failed);
    this.code = code;
  }
}

async function ask(path, body) {
  let answer;
  try {
    answer = await fetch(agent + path, { method: body ? 'POST' : 'GET', mode: 'cors', credentials: 'omit', cache: 'no-store',
      headers: body ? { 'Content-Type': 'application/json' } : {}, body: body && JSON.stringify(body) });
  } catch {
    // A refused origin looks like no answer to a script: the agent's answer to it carries no permission to be read.
    throw new Problem('missing', `${words.missing} ${words.unpaired}`);
  }
  if (answer.ok) return answer;
  const refusal = await answer.json().catch(() => ({}));
  throw new Problem(refusal.code ?? 'failed');
}

async function tell(path, type, body) {
  let answer;
  try {
    answer = await fetch(path, { method: 'POST', redirect: 'manual', cache: 'no-store', headers: { 'Content-Type': type }, body });
  } catch {
    throw new Problem('network');
  }
  if (answer.type === 'opaqueredirect') throw new Problem('session');
  if (answer.ok) return answer;
  const p = await answer.json().catch(() => ({}));
  throw new Problem(p.key ?? 'failed', [p.title, p.next].filter(Boolean).join(' ') || undefined);
}

// status is what the agent on this machine says of itself: {agent, counter, name, devices: [{kind, name, version}]}.
export async function status() {
  return (await ask('/status')).json();
}

// read has something read and gives the signed statement.
export async function read({ kind, positions, dossier, visit, access }) {
  const here = await status();
  if (!here.devices.some((d) => d.kind === kind)) throw new Problem('device');
  const want = { kind, ...(positions?.length ? { positions } : {}), ...(dossier ? { dossier } : {}), ...(visit ? { visit } : {}) };
  const nonce = await (await tell('/counters/nonces', 'application/json', JSON.stringify({ counter: here.counter, want }))).json();
  const answer = await ask('/read', { counter: nonce.counter, nonce: nonce.nonce, want: nonce.want,
    ...(nonce.challenge ? { challenge: nonce.challenge } : {}), ...(access ? { access } : {}) });
  return new Blob([await answer.arrayBuffer()], { type: mediaType });
}

// post hands a statement in where the page says.
export const post = (path, statement) => tell(path, mediaType, statement);

// accessFrom reads what opens a chip: the machine-readable zone whole, as a hand scanner types it, or number, birth and
// expiry as printed. Of a card's twelve digits the chip wants the last nine; a card without expiry says 991231 in its zone.
export function accessFrom(number, birth, expiry) {
  const zone = number.toUpperCase().replace(/[^0-9A-Z<]/g, '');
  if (zone.length === 90) return { document: zone.slice(5, 14).replace(/<+$/, ''), birth: zone.slice(30, 36), expiry: zone.slice(38, 44) };
  if (zone.length === 88) return { document: zone.slice(44, 53).replace(/<+$/, ''), birth: zone.slice(57, 63), expiry: zone.slice(65, 71) };
  const day = (text) => {
    const d = text.replace(/\D/g, '');
    return d.length === 8 ? d.slice(6) + d.slice(2, 4) + d.slice(0, 2) : '';
  };
  const out = { document: /^\d{12}$/.test(zone) ? zone.slice(3) : zone, birth: day(birth), expiry: expiry.trim() === '' ? '991231' : day(expiry) };
  return out.document && out.document.length <= 24 && out.birth && out.expiry ? out : null;
}

const make = (tag, props = {}, ...inside) => {
  const e = Object.assign(document.createElement(tag), props);
  e.append(...inside);
  return e;
};

const titles = { finger: say('Đọc vân tay', 'Read fingerprints'), chip: say('Đọc chip', 'Read the chip'), portrait: say('Lấy ảnh từ máy ảnh của quầy', 'Take the counter camera’s picture') };
const prompts = {
  finger: say('Đang chờ máy quét. Mời đặt ngón tay.', 'Waiting for the scanner. Ask for the finger.'),
  chip: say('Đang chờ thẻ. Đặt thẻ lên máy đọc và giữ yên.', 'Waiting for the card. Lay it on the reader and leave it there.'),
  portrait: say('Đang chờ ảnh.', 'Waiting for the picture.'),
};
let serial = 0;

function field(label, props) {
  const id = `reader-${(serial += 1)}`;
  const input = make('input', { id, autocomplete: 'off', ...props });
  return { box: make('div', { className: 'field' }, make('label', { htmlFor: id, textContent: label }), make('div', { className: 'entry' }, input)), input };
}

// bind turns an element with data-reader into a button with its words.
export function bind(box) {
  const { kind, dossier, visit } = box.dataset;
  const positions = (box.dataset.positions ?? '').split(',').map(Number).filter(Boolean);
  const form = box.querySelector('form');
  const said = make('p', { className: 'small' });
  said.setAttribute('role', 'status');
  const button = make('button', { type: 'button', className: 'btn line', textContent: box.dataset.label ?? titles[kind] });
  let zone;
  if (kind === 'chip') {
    zone = [
      field(say('Số thẻ, hoặc quét vùng mã máy đọc (MRZ)', 'Card number, or scan the machine-readable zone (MRZ)'), { maxLength: 100, value: box.dataset.number ?? '' }),
      field(say('Ngày sinh trên thẻ', 'Birth date on the card'), { inputMode: 'numeric', placeholder: say('ngày/tháng/năm', 'day/month/year'), maxLength: 10 }),
      field(say('Có giá trị đến (để trống nếu không thời hạn)', 'Valid until (leave empty if without expiry)'), { inputMode: 'numeric', placeholder: say('ngày/tháng/năm', 'day/month/year'), maxLength: 10 }),
    ];
    box.append(...zone.map((z) => z.box));
  }
  const speak = (text, bad) => {
    said.textContent = text;
    said.classList.toggle('bad', bad === true);
  };
  button.addEventListener('click', async () => {
    if (button.ariaDisabled === 'true') return;
    const access = zone ? accessFrom(...zone.map((z) => z.input.value)) : undefined;
    if (access === null) {
      speak(words.zone, true);
      zone[0].input.focus();
      return;
    }
    button.ariaDisabled = 'true';
    speak(prompts[kind]);
    try {
      const statement = await read({ kind, positions, dossier, visit, access });
      const input = form?.querySelector('input[name=statement]');
      if (input) {
        const files = new DataTransfer();
        files.items.add(new File([statement], 'reading.json', { type: mediaType }));
        input.files = files.files;
        speak(say('Đã đọc. Đang gửi…', 'Read. Sending…'));
        form.requestSubmit();
        return;
      }
      const answer = await (await post(box.dataset.post, statement)).json().catch(() => ({}));
      speak(say(`Máy đọc chạy tốt: ${answer.device ?? ''}`, `The reader works: ${answer.device ?? ''}`));
      box.dispatchEvent(new CustomEvent('reading', { bubbles: true, detail: answer }));
      if ('reload' in box.dataset) location.reload();
    } catch (e) {
      speak(e instanceof Problem ? e.message : words.failed, true);
    } finally {
      button.ariaDisabled = null;
    }
  });
  box.append(make('div', { className: 'acts' }, button), said);
}

// here says on the page of counters which one this machine is.
async function here(line) {
  try {
    const s = await status();
    const known = document.querySelector(`[data-reader-counter="${CSS.escape(s.counter)}"]`);
    line.textContent = known ? say(`Máy này là ${s.name}.`, `This machine is ${s.name}.`) : words.unpaired;
    line.classList.toggle('bad', !known);
    if (known) known.append(` · ${say('máy này', 'this machine')}`);
  } catch (e) {
    line.textContent = e instanceof Problem ? e.message : words.failed;
  }
}

for (const box of document.querySelectorAll('[data-reader]')) bind(box);
for (const line of document.querySelectorAll('[data-reader-status]')) here(line);

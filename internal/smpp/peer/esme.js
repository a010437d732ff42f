// SPDX-License-Identifier: Apache-2.0
// A sender on the npm `smpp` library, for the tests of our server: node esme.js PORT
'use strict';
const smpp = require('smpp');

const say = (o) => process.stdout.write(JSON.stringify(o) + '\n');
const session = smpp.connect({ url: 'smpp://127.0.0.1:' + process.argv[2] });
const to = '84912000001';

session.on('error', (e) => { say({ event: 'error', code: e.code || String(e) }); process.exit(1); });
session.on('deliver_sm', (pdu) => {
  say({ event: 'receipt', class: pdu.esm_class, id: pdu.receipted_message_id, state: pdu.message_state, text: pdu.short_message.message });
  session.send(pdu.response());
});
session.on('unbind', (pdu) => { session.send(pdu.response()); say({ event: 'unbound_by_server' }); });

const call = (command, options) => new Promise((resolve) => session[command](options, resolve));

(async () => {
  say({ event: 'early', status: (await call('submit_sm', { destination_addr: to, short_message: 'too early' })).command_status });
  say({ event: 'badbind', status: (await call('bind_transceiver', { system_id: 'danh', password: 'wrong' })).command_status });
  const bound = await call('bind_transceiver', { system_id: 'danh', password: 'secret12' });
  say({ event: 'bound', status: bound.command_status, version: bound.sc_interface_version });
  say({ event: 'again', status: (await call('bind_transceiver', { system_id: 'danh', password: 'secret12' })).command_status });
  const gsm = await call('submit_sm', { source_addr: 'npm', destination_addr: to, registered_delivery: 1, data_coding: 0, short_message: 'Plain {text} for 10€' });
  say({ event: 'gsm', status: gsm.command_status, id: gsm.message_id });
  const vi = await call('submit_sm', { source_addr: 'npm', destination_addr: to, short_message: 'Mã xác nhận của bạn là 123456' });
  say({ event: 'ucs2', status: vi.command_status });
  const long = 'Đường dài thật dài. '.repeat(6);
  const parts = [long.slice(0, 60), long.slice(60)];
  for (let i = 0; i < parts.length; i++) {
    const r = await call('submit_sm', { source_addr: 'npm', destination_addr: to, esm_class: 0x40, data_coding: 8,
      short_message: { udh: Buffer.from([5, 0, 3, 77, parts.length, i + 1]), message: parts[i] } });
    say({ event: 'part', status: r.command_status });
  }
  say({ event: 'enquire', status: (await call('enquire_link', {})).command_status });
  say({ event: 'query', command: (await call('query_sm', { message_id: 'x' })).command });
  say({ event: 'unbind', status: (await call('unbind', {})).command_status });
  setTimeout(() => process.exit(0), 50);
})();

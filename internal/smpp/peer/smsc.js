// SPDX-License-Identifier: Apache-2.0
// An SMSC on the npm `smpp` library, for the tests of our client. Prints one JSON line per event.
// Numbers that end in 0000 are refused, in 1111 throttled once; everything else gets a receipt.
'use strict';
const smpp = require('smpp');

const say = (o) => process.stdout.write(JSON.stringify(o) + '\n');
let next = 0;
const throttled = new Set();

const server = smpp.createServer((session) => {
  session.on('error', () => {});
  session.on('bind_transceiver', (pdu) => {
    if (pdu.system_id !== 'danh' || pdu.password !== 'secret12') {
      session.send(pdu.response({ command_status: smpp.ESME_RBINDFAIL }));
      return;
    }
    say({ event: 'bound', version: pdu.interface_version });
    session.send(pdu.response());
  });
  session.on('enquire_link', (pdu) => { say({ event: 'enquire' }); session.send(pdu.response()); });
  session.on('unbind', (pdu) => { say({ event: 'unbind' }); session.send(pdu.response()); session.close(); });
  session.on('deliver_sm_resp', (pdu) => say({ event: 'receipt_answer', status: pdu.command_status }));
  session.on('submit_sm', (pdu) => {
    const to = pdu.destination_addr;
    if (to.endsWith('0000')) { session.send(pdu.response({ command_status: smpp.ESME_RINVDSTADR })); return; }
    if (to.endsWith('1111') && !throttled.has(to)) {
      throttled.add(to);
      session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
      return;
    }
    const id = 'npm-' + (++next);
    const part = { count: 1, number: 1, reference: 0 };
    const udh = pdu.short_message.udh;
    if (udh) { const u = udh[0]; part.reference = u[2]; part.count = u[3]; part.number = u[4]; }
    say({ event: 'message', id, from: pdu.source_addr, to, text: pdu.short_message.message, coding: pdu.data_coding,
      part, reference: pdu.user_message_reference, validity: pdu.validity_period ? true : false, registered: pdu.registered_delivery });
    session.send(pdu.response({ message_id: id }));
    setTimeout(() => session.deliver_sm({
      source_addr: to, destination_addr: pdu.source_addr, esm_class: 4,
      short_message: `id:${id} sub:001 dlvrd:001 submit date:2611210900 done date:2611210900 stat:DELIVRD err:000 text:`,
    }), 20);
  });
});
server.listen(0, '127.0.0.1', () => say({ event: 'listening', port: server.address().port }));
process.stdin.on('end', () => process.exit(0)).resume();

/**
 * A syslog receiver over UDP and TCP at once, which prints each message of RFC 5424 in one line.
 *
 * Shows one handler for both: in a TCP stream its codec finds the messages (RFC 6587), while a datagram is one message (RFC 5426).
 *
 *     node examples/syslog-server.ts             (or: node examples/syslog-server.ts 6000, or PORT=6000; the RFC's port is 514)
 *     logger -n 127.0.0.1 -P 5060 -T --octet-count hello     (or with -d instead of -T: over UDP)
 */
import { AsyncTCPServer, UDPServer, formatAddress, type InternetAddress } from "@socketserver/core";
import { MessageRequestHandler } from "@socketserver/framing";

import { portOr, start } from "./start.ts";
import { SyslogFraming } from "./syslog-framing.ts";

const FACILITIES = "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock".split(" ");
const SEVERITIES = "emerg alert crit err warning notice info debug".split(" ");

/** `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG`, and PRI is 8 times the facility plus the severity. */
const MESSAGE =
  /^<(\d\d?|1[0-8]\d|19[01])>1 \S+ (\S+) (\S+) \S+ \S+ (?:-|(?:\[(?:\\.|[^\]\\])*\])+)(?: \ufeff?(.*))?$/s;

export class SyslogHandler extends MessageRequestHandler(new SyslogFraming(8192)) {
  override handleMessage(bytes: Buffer): void {
    const [, priority, host, app, message = ""] = MESSAGE.exec(bytes.toString()) ?? [];
    if (priority === undefined)
      return console.log(`[${formatAddress(this.clientAddress)}] Refused: no message of RFC 5424`);
    const facility = FACILITIES[Number(priority) >> 3] ?? `local${(Number(priority) >> 3) - 16}`;
    const line = `${facility}.${SEVERITIES[Number(priority) & 7]} ${host} ${app}: ${message.trimEnd()}`;
    console.log(line.replaceAll(/\p{Cc}+/gu, " "));
  }
}

if (import.meta.main) {
  await using tcp = new AsyncTCPServer({ port: portOr(5060) }, SyslogHandler, { idleTimeoutMs: 86_400_000 });
  tcp.once("listening", (address) => {
    const udp = new UDPServer(address as InternetAddress, SyslogHandler);
    void start(udp, ({ host, port }) => `  logger -n ${host} -P ${port} -d hello`).then(() => tcp.close());
  });
  await start(tcp, ({ host, port }) => `  logger -n ${host} -P ${port} -T --octet-count hello`);
}

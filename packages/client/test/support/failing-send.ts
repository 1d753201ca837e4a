import type { Socket } from "node:dgram";

/** A `send()` of sockets that fails, in the place of a kernel that has no route, no memory, or no listener to send to. */
export function failing(code: string, asked: () => void = () => {}): Socket["send"] {
  const send = (_packet: Uint8Array, callback: (error: Error) => void): void => {
    asked();
    process.nextTick(callback, Object.assign(new Error(`send ${code}`), { code }));
  };
  return send as Socket["send"];
}

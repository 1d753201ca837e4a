import { codeOf } from "../errors.ts";
import { unconnectedSocket } from "../transport/unconnected-socket.ts";

/**
 * Whether this runtime can move a socket to a thread. It is asked, not guessed from its version: with a socket that is not connected, one that can
 * says that this one is in the wrong state.
 */
export function canTransferSockets(): boolean {
  const { port1 } = new MessageChannel();
  const socket = unconnectedSocket();
  try {
    port1.postMessage(socket, [socket as never]);
    return true;
  } catch (error) {
    return codeOf(error) === "ERR_WORKER_HANDLE_NOT_TRANSFERABLE";
  } finally {
    socket.destroy();
    port1.close();
  }
}

import { CloseReason } from "../close-reason.ts";
import { ErrorCode, PeerError, SocketServerError } from "../errors.ts";

const CODE: Partial<Record<CloseReason, ErrorCode>> = {
  [CloseReason.deadline]: ErrorCode.deadline,
  [CloseReason.maxAge]: ErrorCode.maxAge,
  [CloseReason.drain]: ErrorCode.drained,
  [CloseReason.slowReader]: ErrorCode.slowReader,
  [CloseReason.firstByte]: ErrorCode.firstByteTimeout,
  [CloseReason.memory]: ErrorCode.memory,
};

/** The peer's own doing. */
const OF_PEER: ReadonlySet<CloseReason> = new Set([CloseReason.slowReader, CloseReason.firstByte]);

/** What reads and writes reject with after this side gave a request up for a reason. */
export function cutError(
  reason: CloseReason,
  problem = "Cannot use connection: it was reset by this side",
): SocketServerError {
  const code = CODE[reason] ?? ErrorCode.connectionClosed;
  const message = `${problem} (${reason})`;
  return OF_PEER.has(reason) ? new PeerError(code, message) : new SocketServerError(code, message);
}

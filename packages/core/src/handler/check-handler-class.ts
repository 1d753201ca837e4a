import { ErrorCode, show, typeError } from "../errors.ts";
import { plainTimeoutError } from "./run-handler.ts";

/**
 * Check that a server can run handlers of this class.
 *
 * @throws `TypeError` `ERR_SOCKETSERVER_INVALID_HANDLER` that shows what was given.
 */
export function checkHandlerClass(handlerClass: unknown): void {
  const prototype =
    typeof handlerClass === "function" ? (handlerClass.prototype as { handle?: unknown } | undefined) : undefined;
  if (typeof handlerClass !== "function" || typeof prototype?.handle !== "function") {
    throw typeError(
      ErrorCode.invalidHandler,
      `Cannot create server: RequestHandlerClass must be a class with a method handle(), such as a subclass of BaseRequestHandler, received ${show(handlerClass)}`,
    );
  }
  if ("timeout" in prototype || "timeout" in handlerClass) throw plainTimeoutError(handlerClass.name);
}

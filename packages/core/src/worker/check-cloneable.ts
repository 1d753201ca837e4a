import { ErrorCode, show, typeError } from "../errors.ts";

/**
 * Check that options can be copied into a worker.
 *
 * @throws `TypeError` `ERR_SOCKETSERVER_OPTION_NOT_CLONEABLE` that names the option.
 */
export function checkCloneable(options: object, path = ""): void {
  for (const [key, value] of Object.entries(options) as [string, unknown][]) {
    const name = path === "" ? key : `${path}.${key}`;
    try {
      structuredClone(value);
    } catch (cause) {
      if (typeof value === "object" && value !== null) checkCloneable(value, name);
      throw Object.assign(
        typeError(
          ErrorCode.optionNotCloneable,
          `Cannot copy options into a worker: ${name} must be plain data, received ${show(value)}; make it a method of the server to override`,
        ),
        { cause },
      );
    }
  }
}

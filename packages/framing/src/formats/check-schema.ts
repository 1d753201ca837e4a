import { ErrorCode, show, typeError } from "@socketserver/core";
import type { StandardSchemaV1 } from "@standard-schema/spec";

import { ProtocolError, type SchemaIssue } from "../protocol-error.ts";

/** More help nobody: a small message can have thousands of mistakes. */
const MAX_ISSUES = 100;

/**
 * The one schema of a format, if it is given any.
 *
 * @throws `TypeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` for what is none; an undefined one is a mistake, not a wish for no check.
 */
export function optionalSchema(schemas: readonly StandardSchemaV1[]): StandardSchemaV1 | undefined {
  if (schemas.length === 0) return undefined;
  assertSchema(schemas[0]);
  return schemas[0];
}

/** Refuse what is no schema, when the codec is made. */
export function assertSchema(schema: unknown): asserts schema is StandardSchemaV1 {
  const standard = (schema as Partial<StandardSchemaV1> | null | undefined)?.["~standard"];
  if (standard?.version === 1 && typeof standard.validate === "function") return;
  throw typeError(
    ErrorCode.invalidArgument,
    `Cannot create codec: schema must be a Standard Schema (of Zod, Valibot, ArkType, ...), received ${show(schema)}`,
  );
}

/**
 * Check a decoded message.
 *
 * @returns what the schema makes of it.
 * @throws {@link ProtocolError} with the schema's `issues`; `TypeError` if the schema cannot be used in a decoder.
 */
export function checkSchema(schema: StandardSchemaV1, value: unknown): unknown {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) {
    result.catch(() => {
      // Nobody waits for it.
    });
    throw typeError(
      ErrorCode.invalidArgument,
      "Cannot decode message: the schema answers asynchronously, or throws; check what has to wait in handleMessage()",
    );
  }
  if (result.issues !== undefined) {
    throw new ProtocolError(ErrorCode.protocol, "Cannot decode message: it does not fit the schema", {
      skippable: true,
      issues: result.issues.slice(0, MAX_ISSUES).map(issueOf),
    });
  }
  if (result.value !== undefined) return result.value;
  throw typeError(
    ErrorCode.invalidArgument,
    "Cannot decode message: the schema made undefined of it, which is no message",
  );
}

function issueOf({ message, path = [] }: StandardSchemaV1.Issue): SchemaIssue {
  const keys = path.map((segment) => (typeof segment === "object" ? segment.key : segment));
  return { message, path: keys.map((key) => (typeof key === "number" ? key : String(key))) };
}

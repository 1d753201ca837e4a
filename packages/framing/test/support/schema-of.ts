import type { StandardSchemaV1 } from "@standard-schema/spec";

/** A Standard Schema written by hand. */
export function schemaOf<Output>(
  validate: (value: unknown) => StandardSchemaV1.Result<Output> | Promise<StandardSchemaV1.Result<Output>>,
): StandardSchemaV1<unknown, Output> {
  return { "~standard": { version: 1, vendor: "test", validate } };
}

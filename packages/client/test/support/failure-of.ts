import { RequestError } from "@socketserver/client";
import { expect } from "vitest";

/** What a call rejects with, which must be a RequestError. */
export async function failureOf(call: Promise<unknown>): Promise<RequestError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RequestError);
  return error as RequestError;
}

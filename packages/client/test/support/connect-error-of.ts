import { ConnectError } from "@socketserver/client";
import type { Connection } from "@socketserver/core";
import { expect } from "vitest";

import { expectLawful } from "../../../core/test/support/complaint.ts";

/** The error of an attempt to connect that has to fail; its message keeps the law. */
export async function connectErrorOf(connecting: Promise<Connection>): Promise<ConnectError> {
  const outcome: unknown = await connecting.catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(ConnectError);
  expectLawful((outcome as ConnectError).message);
  return outcome as ConnectError;
}

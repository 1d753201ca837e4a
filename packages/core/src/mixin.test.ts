import { describe, expect, test } from "vitest";

import { extensionsOf, serverExtension, type ServerExtension } from "./mixin.ts";

class Base {
  static readonly [serverExtension]: ServerExtension = { name: "Base" };
  listen(): void {}
}

class Plain extends Base {}

class Mixed extends Plain {
  static override readonly [serverExtension]: ServerExtension = { name: "Mixed", replaces: ["processRequest"] };
}

describe("extensionsOf()", () => {
  test("answers the extensions along the chain, the outermost first", () => {
    class Outermost extends Mixed {}
    expect(extensionsOf(Outermost).map(({ name }) => name)).toEqual(["Mixed", "Base"]);
  });

  test("counts each only where it is the class's own", () => {
    expect(extensionsOf(Plain)).toEqual([{ name: "Base" }]);
  });

  test("answers nothing for a class that is no server", () => {
    expect(extensionsOf(Map)).toEqual([]);
    expect(extensionsOf(class extends Map {})).toEqual([]);
  });
});

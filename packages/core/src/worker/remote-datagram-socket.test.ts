import { beforeEach, describe, expect, test } from "vitest";

import type { Address } from "../address.ts";
import { errorToData } from "./error-data.ts";
import { RemoteDatagramSocket } from "./remote-datagram-socket.ts";

const address = { host: "192.0.2.1", port: 7 };

let posts: { readonly sendId: number; readonly data: Uint8Array<ArrayBuffer>; readonly address: Address }[];
let socket: RemoteDatagramSocket;

beforeEach(() => {
  posts = [];
  socket = new RemoteDatagramSocket((sendId, data, to) => posts.push({ sendId, data, address: to }));
});

describe("RemoteDatagramSocket.sendTo()", () => {
  test("asks the listener side, and resolves when that has sent", async () => {
    let done = false;
    const sending = socket.sendTo("grüß", address).then(() => (done = true));
    expect(posts).toEqual([{ sendId: 1, data: new TextEncoder().encode("grüß"), address }]);
    await Promise.resolve();
    expect(done).toBe(false);
    socket.sent(1, undefined);
    await sending;
  });

  test("rejects with the error of the listener side, its code included", async () => {
    const sending = socket.sendTo(new Uint8Array(70_000), address);
    const error = Object.assign(new Error("send EMSGSIZE"), { code: "EMSGSIZE" });
    socket.sent(1, structuredClone(errorToData(error)));
    await expect(sending).rejects.toMatchObject({ message: "send EMSGSIZE", code: "EMSGSIZE" });
  });

  test("sends a copy of exactly these bytes: what was given still belongs to the handler", async () => {
    const bytes = Buffer.from("xpongx").subarray(1, 5);
    const sending = socket.sendTo(bytes, address);
    const [post] = posts;
    expect([post?.data.buffer.byteLength, post?.data.buffer === bytes.buffer]).toEqual([4, false]);
    structuredClone(post?.data, { transfer: [post?.data.buffer as ArrayBuffer] });
    expect(bytes.toString()).toBe("pong");
    socket.sent(1, undefined);
    await sending;
  });

  test("sends an empty datagram, too", async () => {
    const sending = socket.sendTo("", address);
    expect(posts[0]?.data.length).toBe(0);
    socket.sent(1, undefined);
    await sending;
  });

  test("tells several apart that are under way", async () => {
    const order: string[] = [];
    const first = socket.sendTo("a", address).then(() => order.push("first"));
    const second = expect(socket.sendTo("b", address).finally(() => order.push("second"))).rejects.toThrow("no route");
    expect(posts.map(({ sendId }) => sendId)).toEqual([1, 2]);
    socket.sent(2, errorToData(new Error("no route")));
    await second;
    socket.sent(1, undefined);
    await first;
    expect(order).toEqual(["second", "first"]);
  });

  test("settles once, and pays no attention to what it has not asked for", async () => {
    const sending = socket.sendTo("a", address);
    socket.sent(7, errorToData(new Error("whose?")));
    socket.sent(1, undefined);
    socket.sent(1, errorToData(new Error("again")));
    await sending;
  });

  test("rejects what no datagram can be, without asking", async () => {
    const invalid = { name: "TypeError", code: "ERR_SOCKETSERVER_INVALID_ARGUMENT" };
    await expect(socket.sendTo(5 as unknown as string, address)).rejects.toMatchObject(invalid);
    await expect(socket.sendTo("a", { path: "/tmp/x.sock" })).rejects.toMatchObject(invalid);
    expect(posts).toEqual([]);
  });
});

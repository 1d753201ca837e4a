import { Connection } from "@socketserver/core";
import { afterEach, describe, expect, test } from "vitest";

import { StalledDuplex } from "../../../core/test/support/stalled-duplex.ts";
import { eventually } from "../../../core/test/support/eventually.ts";
import { Outgoing, type OutgoingMessage } from "./outgoing.ts";

/** A message that notes in the diary what becomes of it. */
interface Letter extends OutgoingMessage {
  readonly name: string;
}

class Office {
  readonly stream = new StalledDuplex();
  readonly connection = new Connection(this.stream, { highWaterMark: 1, writeStallMs: Infinity });
  readonly diary: string[] = [];
  mayAsk = true;
  readonly outgoing: Outgoing;

  constructor(size = Infinity) {
    this.outgoing = new Outgoing(
      this.connection,
      size,
      () => this.mayAsk,
      () => undefined,
    );
  }

  letter(name: string, isRequest = false): Letter {
    const note = (what: string): void => void this.diary.push(`${name} ${what}`);
    return {
      name,
      bytes: Buffer.from(name),
      isRequest,
      hasPlace: false,
      left: () => note("left"),
      hasRoom: () => note("has room"),
      failed: (cause) => note(cause === undefined ? "failed" : `failed: ${cause.message}`),
    };
  }

  add(name: string, isRequest = false): Letter {
    const letter = this.letter(name, isRequest);
    this.outgoing.add(letter);
    return letter;
  }

  /** What the far end has got, when it has taken all that comes up to this. */
  async delivered(expected: string): Promise<void> {
    await eventually(() => {
      this.stream.takeAll();
      expect(Buffer.concat(this.stream.taken).toString()).toBe(expected);
    });
  }
}

const offices: Office[] = [];

function open(size?: number): Office {
  const office = new Office(size);
  offices.push(office);
  return office;
}

afterEach(() => {
  for (const { connection, stream } of offices.splice(0)) {
    connection.abort();
    stream.destroy();
  }
});

describe("Outgoing", () => {
  test("sends at once what may go, and tells when there is room for more", async () => {
    const office = open();
    office.add("one");
    expect(office.diary).toEqual(["one left"]);
    await office.delivered("one");
    await eventually(() => expect(office.diary).toEqual(["one left", "one has room"]));
  });

  test("tells at once that there is room, if there is", () => {
    const office = new Office();
    const roomy = new Outgoing(
      new Connection(office.stream, { writeStallMs: Infinity }),
      1,
      () => true,
      () => undefined,
    );
    roomy.add(office.letter("one"));
    expect(office.diary).toEqual(["one left", "one has room"]);
  });

  test("sends one message at a time where there is no room, in the order of the calls", async () => {
    const office = open();
    for (const name of ["one ", "two ", "three"]) office.add(name);
    expect(office.diary).toEqual(["one  left"]);
    await office.delivered("one two three");
    expect(office.diary.filter((entry) => entry.endsWith("left"))).toEqual(["one  left", "two  left", "three left"]);
  });

  test("lets nothing overtake a request that must wait", async () => {
    const office = open();
    office.mayAsk = false;
    office.add("request ", true);
    office.add("message");
    expect(office.diary).toEqual([]);
    office.mayAsk = true;
    office.outgoing.flush();
    await office.delivered("request message");
  });

  test("sends messages that are no requests while none may be asked", () => {
    const office = open();
    office.mayAsk = false;
    office.add("message");
    expect(office.diary).toEqual(["message left"]);
  });

  test("refuses one more than may wait, and takes it when one has left or was removed", () => {
    const office = open(1);
    office.mayAsk = false;
    const first = office.letter("first", true);
    expect(office.outgoing.add(first)).toBe(true);
    expect(office.outgoing.add(office.letter("second"))).toBe(false);
    office.outgoing.remove(first);
    expect(office.outgoing.add(office.letter("third", true))).toBe(true);
    expect(office.outgoing.add(office.letter("fourth"))).toBe(false);
    expect(office.diary).toEqual([]);
  });

  test("lets who has a place already wait, however many do", () => {
    const office = open(0);
    office.add("one");
    expect(office.outgoing.add({ ...office.letter("two"), hasPlace: true })).toBe(true);
    expect(office.outgoing.add(office.letter("three"))).toBe(false);
  });

  test("lets nothing wait with a size of 0, and still sends what need not", () => {
    const office = open(0);
    expect(office.outgoing.add(office.letter("first"))).toBe(true);
    expect(office.outgoing.add(office.letter("second"))).toBe(false);
    expect(office.diary).toEqual(["first left"]);
  });

  test("lets those go who waited behind what is removed, but not those who are removed with it", async () => {
    const office = open();
    office.mayAsk = false;
    const request = office.add("request", true);
    const other = office.add("other");
    office.add("message");
    office.outgoing.remove(request);
    office.outgoing.remove(other);
    await office.delivered("message");
    expect(office.diary[0]).toBe("message left");
  });

  test("removes nothing that has left or was never there", async () => {
    const office = open();
    const sent = office.add("sent");
    office.outgoing.remove(sent);
    office.outgoing.remove(office.letter("stranger"));
    await office.delivered("sent");
    await eventually(() => expect(office.diary).toEqual(["sent left", "sent has room"]));
  });

  test("fails everything that has not left, and what has while there is no room, each of them once", async () => {
    const office = open();
    for (const name of ["leaving", "waiting", "last"]) office.add(name);
    office.outgoing.fail();
    const told = ["leaving left", "leaving failed", "waiting failed", "last failed"];
    expect(office.diary).toEqual(told);
    office.outgoing.fail();
    await office.delivered("leaving");
    expect(office.diary).toEqual(told);
  });

  test("tells why a message cannot be given to the connection, and tries the next", () => {
    const office = open();
    office.connection.shutdown("write");
    office.add("one");
    office.add("two");
    const why = "failed: Cannot write: this side of the connection has ended";
    expect(office.diary).toEqual([`one ${why}`, `two ${why}`]);
  });
});

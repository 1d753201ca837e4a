import type { Address } from "../../src/address.ts";
import type { DropReason } from "../../src/events.ts";
import { resolveOptions } from "../../src/option-rules.ts";
import {
  ADMISSION_OPTION_RULES,
  type AdmissionOptions,
  type ResolvedAdmissionOptions,
} from "../../src/server/admission-options.ts";
import { Admission } from "../../src/server/admission.ts";
import { RequestRegistry } from "../../src/server/registry.ts";
import { FakeRequest } from "./fake-request.ts";

/** A client of the house: where it is by now, and how often it was told. */
export interface Guest {
  readonly address: Address;
  place: "inside" | "outside" | "gone";
  /** Why it was refused, if it was. */
  refusal: DropReason | undefined;
  /** How often it was told whether it may come in. */
  decisions: number;
  /** Leave, if it is inside. */
  leave(): void;
}

/** An {@link Admission} with those who come to it: what a listener does with clients, without a socket. */
export class AdmissionHouse {
  readonly registry = new RequestRegistry({
    control: (_record, request) => ({ drain: () => request.drain(), cut: (reason) => request.cut(reason) }),
    taken: () => {},
    closed: () => {},
  });
  readonly admission: Admission;
  readonly guests: Guest[] = [];

  constructor(options: AdmissionOptions = {}) {
    const settings = resolveOptions(ADMISSION_OPTION_RULES, options) as unknown as ResolvedAdmissionOptions;
    this.admission = new Admission(settings, this.registry);
  }

  /** A client comes: it is let in, waits outside, or is refused. */
  come(host = "192.0.2.1"): Guest {
    const address = { host, port: 40_000 + this.guests.length };
    const guest: Guest = { address, place: "gone", refusal: undefined, decisions: 0, leave: () => {} };
    this.guests.push(guest);
    const refusal = this.admission.admit(address);
    if (refusal === undefined) this.#letIn(guest);
    else if (this.admission.wait(address, refusal, (last) => this.#decided(guest, last))) guest.place = "outside";
    else this.#decided(guest, refusal);
    return guest;
  }

  /** Where those who came are, in their order. */
  get places(): readonly Guest["place"][] {
    return this.guests.map(({ place }) => place);
  }

  /** Those who are there. */
  at(place: Guest["place"]): readonly Guest[] {
    return this.guests.filter((guest) => guest.place === place);
  }

  #decided(guest: Guest, refusal: DropReason | undefined): void {
    guest.decisions++;
    guest.refusal = refusal;
    if (refusal === undefined) this.#letIn(guest);
    else guest.place = "gone";
  }

  #letIn(guest: Guest): void {
    guest.place = "inside";
    const request = new FakeRequest(guest.address);
    this.registry.open(request, guest.address);
    guest.leave = () => {
      guest.place = "gone";
      guest.leave = () => {};
      request.destroy();
    };
  }
}

import { integer, milliseconds, optional } from "../option-rules.ts";
import { addressList } from "../transport/address-list.ts";

/** Who may come in, and how many at once. All of it may be changed while the server runs: see `changeAdmission()`. */
export interface AdmissionOptions {
  /**
   * Connections that are open at once: waiting, running and closing, datagrams too; an integer >= 0 or `Infinity`. One more is refused with `drop`. 0
   * refuses everyone.
   * @defaultValue 16384
   */
  readonly maxConnections?: number;
  /**
   * The same for one client address, without its port. Clients of a Unix socket share one address.
   * @defaultValue Infinity
   */
  readonly maxConnectionsPerAddress?: number;
  /**
   * The same for all addresses of one subnet; see `ipv4SubnetPrefix` and `ipv6SubnetPrefix`.
   * @defaultValue Infinity
   */
  readonly maxConnectionsPerSubnet?: number;
  /**
   * How many bits of an IPv4 address name its subnet, an integer from 0 to 32.
   * @defaultValue 24
   */
  readonly ipv4SubnetPrefix?: number;
  /**
   * How many bits of an IPv6 address name its subnet, an integer from 0 to 128. One customer usually has at least a /64.
   * @defaultValue 64
   */
  readonly ipv6SubnetPrefix?: number;
  /**
   * Connections, or datagrams, that may come in per second, an integer >= 0 or `Infinity`; so many at once, if none came for a second. One more is refused
   * with `drop`. 0 refuses everyone.
   * @defaultValue Infinity
   */
  readonly maxAcceptRate?: number;
  /**
   * The same for one client address: so that one that comes again and again takes nothing of what `maxAcceptRate` leaves to the others.
   * @defaultValue Infinity
   */
  readonly maxAcceptRatePerAddress?: number;
  /**
   * How long a connection for which there is no room waits for some, unread, before it is refused. 0 refuses at once. Datagrams never wait.
   * @defaultValue 0
   */
  readonly admissionWaitMs?: number;
  /**
   * Connections that wait so at once, an integer >= 0 or `Infinity`; they come on top of `maxConnections`, and no client or subnet may have more of them than
   * it may have connections.
   * @defaultValue 512
   */
  readonly admissionQueueSize?: number;
  /**
   * The only clients that are served: addresses such as `192.0.2.1`, and subnets such as `10.0.0.0/8` or `2001:db8::/32`. An empty list serves nobody.
   * `::/0` is every IPv6 client and no IPv4 client. Clients of a Unix socket have no such address, and are served.
   * @defaultValue everyone
   */
  readonly allowAddresses?: readonly string[] | undefined;
  /**
   * Clients that are refused, in the same notation, also if they are among `allowAddresses`.
   * @defaultValue nobody
   */
  readonly denyAddresses?: readonly string[];
}

/** {@link AdmissionOptions} with every default filled in. */
export type ResolvedAdmissionOptions = Readonly<Required<Omit<AdmissionOptions, "allowAddresses">>> &
  Pick<AdmissionOptions, "allowAddresses">;

/** The rules of {@link AdmissionOptions}. */
export const ADMISSION_OPTION_RULES = {
  maxConnections: integer({ defaultValue: 16_384, min: 0, unbounded: true }),
  maxConnectionsPerAddress: integer({ defaultValue: Infinity, min: 0, unbounded: true }),
  maxConnectionsPerSubnet: integer({ defaultValue: Infinity, min: 0, unbounded: true }),
  ipv4SubnetPrefix: integer({ defaultValue: 24, min: 0, max: 32 }),
  ipv6SubnetPrefix: integer({ defaultValue: 64, min: 0, max: 128 }),
  maxAcceptRate: integer({ defaultValue: Infinity, min: 0, unbounded: true }),
  maxAcceptRatePerAddress: integer({ defaultValue: Infinity, min: 0, unbounded: true }),
  admissionWaitMs: milliseconds(0),
  admissionQueueSize: integer({ defaultValue: 512, min: 0, unbounded: true }),
  allowAddresses: optional(addressList),
  denyAddresses: addressList,
} as const satisfies Readonly<Record<keyof AdmissionOptions, unknown>>;

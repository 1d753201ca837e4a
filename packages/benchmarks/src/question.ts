/**
 * The words of a benchmark.
 *
 * A question is asked of several contestants in turn, round after round. What counts is the ratio of two of them in the same round: the
 * machine's mood is in both, and goes out.
 *
 * @module
 */

/** One of those compared: something that serves. */
export interface Contestant {
  /** What a reader calls it: "AsyncTCPServer", "bare net, data events", "Go". */
  readonly name: string;
  /** Start it. A string says why it cannot be here: "go is not installed". */
  start(): Promise<Running | string>;
}

/** A contestant that serves. */
export interface Running extends AsyncDisposable {
  /** Its process, whose processor time is measured together with that of its children. */
  readonly pid: number;
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
}

/** What one round found of one contestant, by the name of the figure. A figure that does not apply to it is left out. */
export type Figures = Readonly<Record<string, number>>;

/** Something that a question measures. */
export interface FigureKind {
  /** "cpu" */
  readonly name: string;
  /** "µs of processor time a request" */
  readonly unit: string;
  /** Whether less is better. Ratios are ours / theirs either way. */
  readonly lessIsBetter: boolean;
}

/** At most so much of a peer's figure. */
interface Goal {
  /** The name of the contestant that ours is compared with. */
  readonly against: string;
  /** The name of a figure. */
  readonly figure: string;
  /** The name of the contestant of ours; the question's first one unless given. */
  readonly ours?: string;
  /** The goal of the project, as the ratio ours / theirs. */
  readonly atMost: number;
  /** What a quick run fails on: wide, so that only a regression reaches it. */
  readonly quickAtMost: number;
}

/** One thing to find out, and those it is found out about. */
export interface Question {
  /** What the command calls it: "echo". */
  readonly name: string;
  /** "64 bytes there and back, over 50 connections" */
  readonly title: string;
  /** What it does not answer. */
  readonly notAnswered: string;
  /** The first is the main one, which the plot shows. */
  readonly figures: readonly FigureKind[];
  /** The first is ours. */
  readonly contestants: readonly Contestant[];
  readonly goals: readonly Goal[];
  /**
   * Whether each measurement has a contestant of its own, freshly started and not warmed up, because one changes what the next would find.
   * Otherwise one is started for all rounds.
   *
   * @defaultValue false
   */
  readonly fresh?: boolean;
  /** Rounds of a full run, if other than usual: fewer where one is long and steady. */
  readonly rounds?: number;
  /** One round: `effort` is 1 in a full run, less in a quick one and in the warming up; amounts scale with it. */
  measure(running: Running, effort: number, contestant: Contestant): Promise<Figures>;
}

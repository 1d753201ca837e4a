/** One document of the site. */
interface Guide {
  /** From the root of the repository. Its title is its first heading. */
  readonly file: string;
  /** What a reader finds there, in the reader's own words: the card on the home page. */
  readonly about: string;
  /** Words that a reader may search for and that its title does not have. */
  readonly keywords?: readonly string[];
}

/** Documents that belong together. */
export interface GuideGroup {
  readonly title: string;
  readonly guides: readonly Guide[];
}

/**
 * Every document of the site, in the order of the navigation and of the cards on the home page.
 *
 * One that is not there is an error, and so is one that is in a folder of documents and not in this list.
 */
export const GUIDE_GROUPS: readonly GuideGroup[] = [
  {
    title: "Start",
    guides: [
      {
        file: "docs/guides/your-first-server.md",
        about: "Ten minutes, from an empty folder to a threaded server under test.",
        keywords: ["first server", "tutorial", "start", "getting started", "install", "quickstart"],
      },
      {
        file: "docs/guides/from-python.md",
        about: "Every name of socketserver and what it is called here; programs ported line by line.",
        keywords: ["python", "socketserver", "port"],
      },
      {
        file: "docs/guides/which-server-class.md",
        about: "Why does my second client wait? Plain, async, threads or processes: what each costs.",
        keywords: ["async", "concurrent", "concurrency", "choose"],
      },
      {
        file: "examples/README.md",
        about: "Whole programs, from the echo service to a server for Redis clients.",
        keywords: ["example", "examples"],
      },
    ],
  },
  {
    title: "Understand",
    guides: [
      {
        file: "docs/guides/life-of-a-connection.md",
        about: "Every step from accept to close, which hook runs when, and who closes.",
        keywords: ["hooks", "life cycle"],
      },
      {
        file: "docs/guides/where-does-a-message-end.md",
        about: "How do I read a line? Delimiters, lengths, JSON, and protocols of your own.",
        keywords: ["message", "framing", "delimiter"],
      },
      {
        file: "docs/guides/threads-and-processes.md",
        about: "Where does my state live? What moves to a worker and what does not; bundlers.",
        keywords: ["threads", "processes", "state", "bundler", "worker"],
      },
      {
        file: "docs/guides/shutting-down.md",
        about: "How do I stop it? Drain, the grace period, signals, and what is reported.",
        keywords: ["drain", "stop", "shutdown", "graceful shutdown", "signals", "sigterm"],
      },
    ],
  },
  {
    title: "Operate",
    guides: [
      {
        file: "docs/guides/limits.md",
        about: "Connections per address, rates, time-outs, memory, file descriptors.",
        keywords: ["limit", "limits", "timeout", "timeouts", "rate limit"],
      },
      {
        file: "docs/generated/errors.md",
        about: "Every error code: what it means, who is to blame, what to do.",
        keywords: ["error", "errors"],
      },
      {
        file: "docs/generated/events.md",
        about: "Every event: when it fires, how often, and with what.",
        keywords: ["event", "events"],
      },
      {
        file: "docs/guides/threats.md",
        about: "The attacks that were tried, the defence against each, and the test that proves it.",
        keywords: ["security", "attack", "dos"],
      },
      {
        file: "docs/performance.md",
        about: "Measured results, with date, machine, versions, and the command that repeats them.",
        keywords: ["benchmark", "benchmarks", "fast"],
      },
      {
        file: "docs/guides/which-platform.md",
        about: "What was really tried on which runtime and system.",
        keywords: ["bun", "deno", "windows", "macos", "platform"],
      },
    ],
  },
  {
    title: "Extend",
    guides: [
      {
        file: "docs/guides/writing-a-mixin.md",
        about: "A real one from an empty file, with options, events and types.",
        keywords: ["mixin"],
      },
      {
        file: "docs/guides/testing-your-handler.md",
        about: "How do I test it? Connections in memory, real ones, and the check for leaks.",
        keywords: ["test", "testing"],
      },
      {
        file: "docs/guides/clients.md",
        about: "The other end: connect, ask, come back when the server was away.",
        keywords: ["client", "reconnect"],
      },
      { file: "docs/architecture.md", about: "How the framework is built, and why." },
    ],
  },
  {
    title: "Project",
    guides: [
      { file: "CONTRIBUTING.md", about: "How to build, test and change it." },
      { file: "SECURITY.md", about: "How to report a vulnerability." },
      { file: "CHANGELOG.md", about: "What changed in which version." },
    ],
  },
];

/** The folders in which every document has to be listed above. */
export const GUIDE_FOLDERS: readonly string[] = ["docs/guides", "docs/generated"];

/** The groups that the home page leaves to the navigation, where they are closed at first. */
export const NOT_ON_HOME: ReadonlySet<string> = new Set(["Project"]);

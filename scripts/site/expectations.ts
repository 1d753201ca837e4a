/**
 * What a reader must find: words with the page that has to come first, and questions with the page that answers them.
 *
 * @module
 */

/** A word that somebody types, and where the first result has to lead; an address without `#` allows any place of that page. */
export interface Query {
  readonly words: string;
  readonly first: string;
}

/** A question of somebody who is new here, and where it is answered. */
export interface Question {
  readonly question: string;
  readonly page: string;
  /** The heading on that page under which the answer stands; the page as a whole answers if it is left out. */
  readonly heading?: RegExp;
}

export const QUERIES: readonly Query[] = [
  { words: "ThreadingMixIn", first: "functions/core.ThreadingMixIn.html" },
  { words: "recv", first: "classes/core.Connection.html#recv" },
  { words: "graceMs", first: "interfaces/core.ServerOptions.html#gracems" },
  { words: "drain", first: "guides/shutting-down.html" },
  { words: "readLine", first: "classes/core.StreamReader.html#readline" },
  { words: "TCPServer", first: "classes/core.TCPServer.html" },
  { words: "idleTimeoutMs", first: "interfaces/core.ServerOptions.html#idletimeoutms" },
  { words: "ERR_SOCKETSERVER_TOO_BIG", first: "guides/errors.html" },
  { words: "lines", first: "functions/framing.lines.html" },
  { words: "verifyRequest", first: "classes/core.BaseServer.html#verifyrequest" },
  { words: "first server", first: "guides/your-first-server.html" },
  { words: "python", first: "guides/from-python.html" },
  { words: "threads", first: "guides/threads-and-processes.html" },
  { words: "ReconnectingChannel", first: "classes/client.ReconnectingChannel.html" },
  { words: "requestClosed", first: "guides/events.html" },
  { words: "heartbeatTimeoutMs", first: "interfaces/core.WorkerPoolOptions.html#heartbeattimeoutms" },
];

export const QUESTIONS: readonly Question[] = [
  { question: "How do I begin with an empty folder?", page: "guides/your-first-server.html" },
  { question: "How do I read a line?", page: "guides/where-does-a-message-end.html", heading: /read a line/i },
  { question: "Why does my second client wait?", page: "guides/which-server-class.html" },
  { question: "How do I serve many clients at once?", page: "guides/which-server-class.html" },
  { question: "How do I stop it?", page: "guides/shutting-down.html" },
  { question: "Where does my state live in threads?", page: "guides/threads-and-processes.html", heading: /state/i },
  {
    question: "How do I limit connections per address?",
    page: "guides/limits.html",
    heading: /who may come in|per address/i,
  },
  { question: "What is request_queue_size from Python called here?", page: "guides/from-python.html" },
  { question: "Who closes the connection, and when?", page: "guides/life-of-a-connection.html", heading: /close/i },
  { question: "What does an error code mean?", page: "guides/errors.html" },
  { question: "Which events are there?", page: "guides/events.html" },
  { question: "How do I test my handler?", page: "guides/testing-your-handler.html" },
  { question: "How do I write a mixin?", page: "guides/writing-a-mixin.html" },
  { question: "How do I connect with a client?", page: "guides/clients.html" },
  { question: "Does it run on Bun or Deno?", page: "guides/which-platform.html" },
  { question: "How fast is it, measured?", page: "guides/performance.html" },
  { question: "Is it safe against an attack?", page: "guides/threats.html" },
];
